"""Families and selection figures in a browser, and the page without them."""

import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from leaderboard.ranking.families import family_facts
from leaderboard.ranking.report import Report
from leaderboard.selection.select import SelectionReport, select
from leaderboard.views.page import build
from tests.leaderboard.views.page.conftest import Open, names


@pytest.fixture(scope="module")
def selection(ridge_report: Report, ridge_ledger: pd.DataFrame) -> SelectionReport:
    """The figures of the ridge classifiers."""
    metadata = {name: entry.about.to_json() for name, entry in ridge_report.measures.items()}
    return select(ridge_ledger, bootstrap=50, metadata=metadata)


@pytest.fixture(scope="module")
def address(
    ridge_report: Report,
    ridge_ledger: pd.DataFrame,
    selection: SelectionReport,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Address of their page, without plots, which loads sooner."""
    file = tmp_path_factory.mktemp("overview") / "leaderboard.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "plotly.offline", None)
        build(ridge_report, ridge_ledger, {"suite": "ridge"}, file, selection=selection)
    return file.as_uri()


@pytest.fixture
def page(visit: Open, address: str) -> Page:
    """The page."""
    return visit(address)


def cells(page: Page, section: str, row: str) -> list[str]:
    """Texts of the cells of a row of a section's table, the first line of each; the row's header is left out."""
    found = page.locator(f"#{section} tbody tr", has=page.get_by_role("rowheader", name=row, exact=True))
    return [text.split("\n")[0] for text in found.locator("td").all_inner_texts()]


def test_a_row_for_each_family(page: Page, ridge_report: Report, selection: SelectionReport) -> None:
    """Number of measures, median, the best with its Psi, and the mean figures of selection."""
    facts = {one.family: one for one in family_facts(ridge_report)}
    assert page.locator("#families tbody tr").count() == len(facts) == 2
    for family, one in facts.items():
        found = cells(page, "families", family)
        assert found[:3] == [str(len(one.names)), f"{one.median:.2f}".replace("-", "−"), one.best]
        assert f"{one.psi:.2f}".replace("-", "−") in found[3]
        assert found[4:7] == [str(one.better), str(one.worse), str(one.beyond)]
        assert found[-2] == f"{selection.families[family].regret.value:.2f}"


def test_a_family_filters_the_ranking(page: Page) -> None:
    """By a click, with the address; its best measure opens its panel."""
    page.locator("#families").get_by_role("link", name="margin", exact=True).click()
    page.wait_for_function("() => document.getElementById('family').value === 'margin'")
    assert sorted(names(page)) == ["log_margin", "margin"]
    assert page.evaluate("document.getElementById('ranking').getBoundingClientRect().top < innerHeight")

    page.locator("#families tbody td a").first.click()
    assert page.locator("#panel").is_visible()


def test_picks(page: Page, selection: SelectionReport) -> None:
    """Baselines and measures with regret and hit rate, the least regret first."""
    listed = page.locator("#picking tbody").nth(1).locator("tr td:nth-child(2)").all_inner_texts()
    shown = [float(text.split("\n")[0]) for text in listed]

    assert cells(page, "picking", "random")[0] == "1.00"
    assert shown == sorted(shown)
    assert len(shown) == len(selection.measures)
    assert f"among {selection.pool} of one corruption" in page.locator("#picking").inner_text()


def test_columns_of_the_ranking(page: Page, selection: SelectionReport) -> None:
    """Hidden at first; sorted by regret the least is first, and controls have none."""
    assert page.locator("th[data-key=regret]").is_hidden()
    page.locator(".columns summary").press("Enter")
    page.locator("[data-column=regret]").check()
    page.locator("th[data-key=regret] button").click()

    assert names(page)[: len(selection.measures)] == list(selection.measures)
    with page.expect_download() as saved:
        page.locator("#download-ranking").click()
    table = pd.read_csv(saved.value.path()).set_index("measure")
    assert table.loc["margin", "regret"] == selection.measures["margin"].regret.value
    assert table.loc["margin", "hits_high"] == selection.measures["margin"].hits.interval.high  # type: ignore[union-attr]


@pytest.mark.parametrize("width", [390, 1280])
def test_fits_and_violates_no_rule(visit: Open, address: str, width: int) -> None:
    """No wider than the window, light and dark, under axe's rules."""
    for scheme in ("light", "dark"):
        page = visit(address, bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        found = Axe().run(page).response["violations"]
        assert [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found] == []


def test_without_figures(ridge_report: Report, ridge_ledger: pd.DataFrame, tmp_path: Path) -> None:
    """A page without selection has families alone; one without a rank has neither."""
    document = build(ridge_report, ridge_ledger, {})
    assert 'id="families"' in document
    assert 'id="picking"' not in document
    assert 'data-key="regret"' not in document

    unranked = {name: replace(entry, Psi=None) for name, entry in ridge_report.measures.items()}
    assert 'id="families"' not in build(replace(ridge_report, measures=unranked), ridge_ledger, {}, tmp_path / "p.html")
