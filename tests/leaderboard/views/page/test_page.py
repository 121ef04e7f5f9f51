"""The page in a browser: its plots, light and dark, a telephone, without plotly and without a script."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
from playwright.sync_api import expect

from leaderboard.ranking.rank import order, rank
from leaderboard.ranking.report import Report
from leaderboard.views.held_out import beside
from leaderboard.views.page import build
from tests.leaderboard.reports import Ranked
from tests.leaderboard.views.page.conftest import Open, names

FURTHEST = """Math.max(...[...document.querySelectorAll("main *")]
  .filter((each) => !each.closest(".scroll, .tall")).map((each) => each.getBoundingClientRect().right))"""


def test_plots_of_the_page(visit: Open, ridge_page: str, ridge_report: Report, ridge_json: Ranked) -> None:
    """Plotly is compiled when the first plot comes into view; cost, psi, gaps and curves are drawn there."""
    page = visit(ridge_page)
    data = "(name) => document.querySelector(`[data-plot=${name}]`).data"
    assert page.evaluate("typeof Plotly") == "undefined"
    for name in ("cost", "hyperparameters", "gaps", "curves"):
        page.locator(f"[data-plot={name}]").scroll_into_view_if_needed()
        page.wait_for_function("name => document.querySelector(`[data-plot=${name}]`).data !== undefined", arg=name)

    points = {
        t: y
        for trace in page.evaluate(data, "cost")
        if "text" in trace
        for t, y in zip(trace["text"], trace["y"], strict=True)
    }
    assert points == {"frobenius_norm": ridge_json["measures"]["frobenius_norm"]["Psi"]}
    (heat,) = page.evaluate(data, "hyperparameters")
    rows = [name for name in order(ridge_report) if ridge_json["measures"][name]["Psi"] is not None]
    assert [name.replace("&lt;", "<").replace("&gt;", ">") for name in heat["y"]] == rows
    assert heat["x"] == ["corruption", "train size", "ridge"]
    margin = ridge_json["measures"]["margin"]["psi"].values()
    assert heat["z"][rows.index("margin")] == [None if psi is None else -psi for psi in margin]
    assert sum(len(trace["x"]) for trace in page.evaluate(data, "gaps")) == 35
    curve = page.evaluate(data, "curves")
    assert curve[0]["x"] == [1, 2, 3, None]
    assert curve[0]["y"] == [2.5, 1.25, 0.5, None]

    page.locator("#search").fill("jiang")
    page.wait_for_function(
        "n => document.querySelector('[data-plot=hyperparameters]').data[0].y.length < n", arg=len(rows)
    )
    (fewer,) = page.evaluate(data, "hyperparameters")
    assert fewer["y"] == names(page)


def test_light_and_dark(visit: Open, plain_page: str) -> None:
    """The system decides until the button is pressed, and the choice is kept."""
    ground = "getComputedStyle(document.body).backgroundColor"
    page = visit(plain_page, color_scheme="light")
    light = page.evaluate(ground)
    page.locator("#theme").click()
    dark = page.evaluate(ground)
    assert dark != light

    def reload() -> object:
        page.reload()
        return page.evaluate(ground)

    assert any(reload() == dark for _ in range(5))  # Chromium stores the choice in the background, soon after the click
    assert visit(plain_page, color_scheme="dark").evaluate(ground) == dark


def test_without_plotly(visit: Open, plain_page: str) -> None:
    """The panel has its facts and says how to get the plot."""
    page = visit(f"{plain_page}#measure=margin")

    assert 'pip install "gapbench[plots]"' in page.locator("#unplotted").inner_text()
    assert "Jiang et al. 2020" in page.locator("#facts").inner_text()


def test_a_telephone(visit: Open, ridge_page: str) -> None:
    """At 390 pixels the page does not run over the side, and a measure's facts follow its plot."""
    page = visit(ridge_page, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(FURTHEST) <= 390

    page.locator("#leaderboard").get_by_role("link", name="margin", exact=True).click()
    page.wait_for_selector("#plot .point")
    plot, facts = page.locator("#plot").bounding_box(), page.locator("#facts").bounding_box()
    assert plot is not None
    assert facts is not None
    assert plot["width"] <= 390
    assert facts["y"] >= plot["y"] + plot["height"] - 1


def test_a_held_out_zoo_on_a_telephone(
    visit: Open, ridge_report: Report, ridge_ledger: pd.DataFrame, tmp_path: Path
) -> None:
    """The comparison scrolls within its own frame, its numbers on one line; a name opens the facts of the measure."""
    report = replace(ridge_report, beside=beside(ridge_report, ridge_report))
    build(report, ridge_ledger, {"suite": "ridge"}, tmp_path / "page.html")
    page = visit((tmp_path / "page.html").as_uri(), viewport={"width": 390, "height": 844})
    section = page.locator("#held-out")

    assert page.evaluate(FURTHEST) <= 390
    assert all(each.bounding_box()["height"] < 30 for each in section.locator("td .ends").all())  # type: ignore[index]
    section.get_by_role("link", name="margin", exact=True).click()
    expect(page.locator("#panel-name")).to_have_text("margin")


def test_without_javascript(visit: Open, plain_page: str, ridge_json: Ranked) -> None:
    """The table and every measure's facts are there to read, and no button that would do nothing."""
    page = visit(plain_page, java_script_enabled=False)

    assert page.locator("#leaderboard tbody tr").count() == len(ridge_json["measures"])
    assert page.locator("article:visible").count() == len(ridge_json["measures"])
    assert not page.locator("#theme").is_visible()
    assert not page.locator("#filters").is_visible()


def test_published_ledger(visit: Open, data_dir: Path, tmp_path: Path) -> None:
    """The contest's first task, which has no corruption: 96 points of one kind, and dashes for what needs strata."""
    ledger = pd.read_csv(data_dir / "pgdl" / "task1.csv")
    report = rank(ledger, bootstrap=20)
    file = tmp_path / "page.html"
    build(report, ledger, {}, file)
    page = visit(file.as_uri())
    page.locator("#controls").uncheck()
    assert names(page) == ["WCV", "VR", "VPM_80", "VPM_1"]

    page.locator("th[data-key=psi] button").click()
    page.locator("th[data-key=psi] button").click()
    assert names(page) == ["VPM_1", "VPM_80", "VR", "WCV"]
    page.locator("#leaderboard").get_by_role("link", name="WCV", exact=True).click()
    page.wait_for_selector("#plot .point")
    assert page.locator("#plot .xy .point").count() == 96
