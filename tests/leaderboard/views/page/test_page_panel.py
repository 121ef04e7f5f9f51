"""The panel of a measure in a browser: its facts, its scatter plot, the control beside it, its address."""

from urllib.parse import quote

import pandas as pd
import pytest
from playwright.sync_api import expect

from leaderboard.ranking.rank import order
from leaderboard.ranking.report import Report
from tests.leaderboard.conftest import HOSTILE
from tests.leaderboard.views.page.conftest import Open, names


def test_facts_become_elements_when_they_are_opened(visit: Open, plain_page: str) -> None:
    """Until then a measure's facts are text to the browser."""
    page = visit(plain_page)
    assert page.locator("article").count() == 0

    page.locator("#leaderboard").get_by_role("link", name="margin", exact=True).click()
    expect(page.locator("article")).to_have_count(1)
    assert page.locator("#facts .heat td").count() == 9 + 1


def test_scatter(visit: Open, ridge_page: str, ridge_ledger: pd.DataFrame) -> None:
    """A click opens the plot: a point a ranked network with a score, a trace a corruption, and the facts beside it."""
    page = visit(ridge_page)
    page.locator("#leaderboard").get_by_role("link", name="log_margin", exact=True).click()
    page.wait_for_selector("#plot .point")
    ranked = ridge_ledger[ridge_ledger["converged"] & ridge_ledger["measure.log_margin"].notna()]
    traces = page.evaluate("plot.data.map((t) => [t.xaxis, t.name, t.x, t.y, t.marker.symbol, t.text])")
    drawn = [trace for axis, *trace in traces if axis == "x"]

    assert page.locator("#plot .xy .point").count() == len(ranked) > 10
    assert {name.replace(" ", "_") for name, *_ in drawn} == set(ranked["hp.corruption"])
    assert len({symbol for _, _, _, symbol, _ in drawn}) == 3
    for name, scores, gaps, *_ in drawn:
        members = ranked[ranked["hp.corruption"] == name.replace(" ", "_")]
        assert scores == members["measure.log_margin"].to_list()
        assert gaps == (members["train_accuracy"] - members["test_accuracy"]).to_list()
    assert "The margin must be positive" in page.locator("#facts").inner_text()
    hover = [text for *_, texts in drawn for text in texts]
    assert sorted(text.split("<br>")[0] for text in hover) == sorted(ranked["run_id"])
    last = ranked.iloc[-1]
    assert f"{last['run_id']}<br>corruption: random_labels<br>train_size: 80<br>ridge: {last['hp.ridge']:g}" in hover


def test_a_control_beside(visit: Open, ridge_page: str, ridge_report: Report, ridge_ledger: pd.DataFrame) -> None:
    """Beside the measure stands the best control, on the same gap axis; another control can be chosen."""
    best = next(name for name in order(ridge_report) if ridge_report.measures[name].control)
    ranked = ridge_ledger[ridge_ledger["converged"]]
    page = visit(f"{ridge_page}#measure=margin")
    page.wait_for_selector("#plot .x2y2 .point")
    beside = "plot.data.filter((t) => t.xaxis === 'x2').flatMap((t) => t.x)"

    assert page.locator("#beside").input_value() == best
    assert page.locator("#plot .x2y2 .point").count() == len(ranked)
    assert page.evaluate("plot.layout.yaxis2.matches") == "y"
    page.locator("#beside").select_option("hp.ridge")
    assert sorted(page.evaluate(beside)) == pytest.approx(sorted(ranked["hp.ridge"]), rel=1e-6)
    assert page.locator("#plot .x2title").text_content() == "control: ridge"
    offered = page.locator("#beside optgroup").evaluate_all(
        "groups => groups.map((group) => [group.label, [...group.children].map((option) => option.value)])"
    )
    names = order(ridge_report)
    assert offered == [
        ["Controls", [name for name in names if ridge_report.measures[name].control]],
        ["Measures", [name for name in names if not ridge_report.measures[name].control and name != "margin"]],
    ]


def test_two_measures_side_by_side(visit: Open, ridge_page: str) -> None:
    """Another measure beside it shows both columns of figures; a control takes them away."""
    page = visit(f"{ridge_page}#measure=margin")
    page.wait_for_selector("#plot .x2y2 .point")
    assert page.locator("#facts .comparison").count() == 0
    page.locator("#beside").select_option("frobenius_norm")
    table = page.locator("#facts .comparison")
    psi = [
        page.locator(f"#leaderboard tr[data-name={name}] .psi .value").text_content()
        for name in ("margin", "frobenius_norm")
    ]

    assert table.locator("thead th").all_text_contents() == ["margin", "frobenius_norm"]
    cells = table.locator("tr", has=page.get_by_role("rowheader", name="Ψ", exact=True)).locator("td")
    assert [text.split()[0] for text in cells.all_text_contents()] == psi
    page.locator("#beside").select_option("hp.ridge")
    assert table.count() == 0


def test_the_head_of_a_panel(visit: Open, ridge_page: str, ridge_report: Report) -> None:
    """Rank, Psi and a link that opens the same panel."""
    page = visit(f"{ridge_page}#measure=margin")
    page.wait_for_selector("#plot .point")
    measures = [name for name in order(ridge_report) if not ridge_report.measures[name].control]
    standing = " ".join((page.locator("#panel-standing").text_content() or "").split())

    assert standing.startswith(f"Rank {measures.index('margin') + 1}, Ψ ")
    assert page.locator("#permalink").get_attribute("href") == "#measure=margin"


def test_the_panel_by_keyboard(visit: Open, ridge_page: str, ridge_report: Report) -> None:
    """Enter opens a measure, the arrows step through the table as it is sorted, Escape returns to the row."""
    page = visit(ridge_page)
    first, second = order(ridge_report)[:2]
    page.locator("#leaderboard tbody a").first.press("Enter")
    page.wait_for_selector("#plot .point")
    assert page.locator("#panel-name").inner_text() == first

    page.locator("#next").press("Enter")
    page.wait_for_function("name => document.getElementById('panel-name').textContent === name", arg=second)
    assert page.url.endswith(f"#measure={quote(second, safe='')}")
    page.keyboard.press("Escape")
    page.wait_for_url(lambda url: "#" not in url)
    assert page.locator("#panel").is_hidden()
    assert page.evaluate("document.activeElement.textContent") == second


def test_a_deep_link_with_a_hostile_name(visit: Open, ridge_page: str) -> None:
    """The address opens the measure; a name that is a script is text in the row, the panel and the plot."""
    page = visit(f"{ridge_page}#measure={quote(HOSTILE, safe='')}")
    page.wait_for_selector("#plot .point")

    assert page.locator("#panel-name").inner_text() == HOSTILE
    assert page.locator("#plot .xtitle").text_content() == HOSTILE
    assert HOSTILE in page.locator("#facts").inner_text()
    assert page.locator("#leaderboard").get_by_role("link", name=HOSTILE, include_hidden=True).count() == 1


@pytest.mark.parametrize("fragment", ["#measure=nobody", "#measure=%E0%A4%A", "#elsewhere"])
def test_an_address_that_names_nothing(visit: Open, plain_page: str, fragment: str) -> None:
    """It shows the table."""
    page = visit(plain_page + fragment)

    assert not page.locator("#panel").is_visible()
    assert len(names(page)) > 4


def test_logarithmic_axis(visit: Open, ridge_page: str) -> None:
    """It is offered where all scores are positive, and only there."""
    page = visit(f"{ridge_page}#measure=frobenius_norm")
    page.wait_for_selector("#plot .point")
    kind = "document.getElementById('plot').layout.xaxis.type"
    assert page.evaluate(kind) == "linear"
    page.locator("#logarithmic").check()
    assert page.evaluate(kind) == "log"

    page.goto(f"{ridge_page}#measure=margin")
    page.wait_for_function("() => plot.dataset.name === 'margin'")
    assert page.locator("#logarithmic").is_hidden()
    assert page.evaluate(kind) == "linear"


def test_plots_follow_the_theme(visit: Open, ridge_page: str) -> None:
    """An open plot is drawn again when the system turns dark."""
    page = visit(f"{ridge_page}#measure=margin", color_scheme="light")
    page.wait_for_selector("#plot .point")
    ink = "document.getElementById('plot').layout.font.color"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {ink} !== light", arg=light)
