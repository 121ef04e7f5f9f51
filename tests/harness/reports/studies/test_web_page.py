"""The page of the studies as HTML: complete, self-contained, without script, accessible."""

import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from harness.reports.studies.record import StudyRun, staging_of
from harness.reports.studies.web_page import prose, strip_of, web_page
from leaderboard.claims import JudgedClaim, claims_of
from leaderboard.claims.papers import source_papers
from zoo.suites.registry import suite

SUITE = suite("regularizers")  # some of its ranges are open, some closed
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='547pt' height='288pt'></svg>"


@pytest.fixture(scope="module")
def study() -> StudyRun:
    """A study of today's recipes and claims, with one estimate for all of them."""
    claims = [
        JudgedClaim(
            study=claim.study, name=claim.name, statement=claim.statement, source=claim.source,
            published=claim.published, unit=claim.unit, holds=str(claim.holds), effect=0.5, low=0.4, high=0.7,
            networks=8, verdict="undecided", why="",
        )
        for claim in claims_of(SUITE.name)
    ]  # fmt: skip
    return StudyRun(SUITE, "small", 80, {"torch": "2"}, staging_of(SUITE, "small"), claims, SVG)


class Parsed(HTMLParser):
    """Tags with their attributes, and the words of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        """Keep the words."""
        self.words += data


def test_every_claim_and_paper_is_shown(study: StudyRun) -> None:
    """With its verdict, the size of the study and its figure; what was not run is named."""
    parsed = Parsed(web_page([study, replace(study, size="full", staging="")], ["jiang"]))
    words = " ".join(parsed.words.split())

    assert all(words.count(claim.statement) == 2 for claim in study.claims)
    assert all(paper.finding in words for paper in source_papers())
    assert "Small size 80 networks; " in words
    assert "Full size 80 networks of an earlier staging." in words
    assert "Not run: jiang." in words
    assert "full size (CIFAR-10)" in Parsed(web_page([study], [])).words
    assert "full size (CIFAR-10)" not in words
    assert sum(tag == "img" for tag, _ in parsed.tags) == 2


def test_the_page_needs_no_other_file_and_no_script(study: StudyRun) -> None:
    """Images lie in it, links lead within it or to papers, and every anchor exists."""
    tags = Parsed(web_page([study], [])).tags
    names = {name for name, _ in tags}
    ids = {found["id"] for _, found in tags if "id" in found}
    links = [found["href"] for name, found in tags if name == "a"]

    assert names.isdisjoint({"script", "link", "iframe", "object"})
    assert all(found["src"].startswith("data:image/svg+xml;base64,") for name, found in tags if name == "img")
    assert all(re.match(r"#|https://(arxiv\.org/abs|doi\.org)/", link) for link in links)
    assert {link for link in links if link.startswith("#")} == {f"#{name}" for name in ids}


def test_text_is_escaped() -> None:
    """Tags of ours stand around text that was escaped."""
    assert prose("a < b, `x<y`, arXiv:1611.03530, sec. 2; doi:10.1145/3446776.") == (
        'a &lt; b, <code>x&lt;y</code>, <a href="https://arxiv.org/abs/1611.03530">arXiv:1611.03530</a>, sec. 2; '
        '<a href="https://doi.org/10.1145/3446776">doi:10.1145/3446776</a>.'
    )


def test_a_strip_shows_the_interval_in_the_range(study: StudyRun) -> None:
    """An open range reaches the edge; the outermost values lie a margin inside."""
    by_name = {claim.name: claim for claim in study.claims}
    still = by_name["without_regularizers_they_still_generalize"]  # at least 0.5239
    points = by_name["regularizers_are_worth_a_few_points"]  # 0 to 0.0515

    shown = [0.5239, math.inf, 0.4, 0.7, 0.5]
    placed = strip_of(study, still)
    assert placed is not None
    assert [*placed.range, *placed.interval, placed.effect] == pytest.approx(
        [min(100.0, 100 * (value - 0.4 + 0.12 * 0.3) / (0.3 * 1.24)) for value in shown], abs=0.06
    )
    placed = strip_of(study, points)
    assert placed is not None
    assert 0 < placed.range[0] < placed.range[1] < placed.interval[0] < placed.effect < placed.interval[1] < 100
    assert strip_of(study, replace(still, low=None, high=None)) is None
    assert strip_of(replace(study, staging=""), still) is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_rule_of_accessibility_is_violated(study: StudyRun, tmp_path: Path, scheme: str, width: int) -> None:
    """And nothing is wider than the window."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on the path")
    page = tmp_path / "studies.html"
    page.write_text(web_page([study], ["jiang"]))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page(
            viewport={"width": width, "height": 844},
            color_scheme="dark" if scheme == "dark" else "light",
            bypass_csp=True,
        )
        opened.goto(page.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(opened).response["violations"]
        browser.close()

    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found] == []
