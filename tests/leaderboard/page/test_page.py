"""The page in a browser: sorting, filters, scatter plots, light and dark, and silence on the network."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from leaderboard.beside import beside
from leaderboard.ledger import checked, read_ledger
from leaderboard.page import build
from leaderboard.ranking import order, rank

HOSTILE = "<b>m</b><script>alert(1)</script>"
QUIET = [  # a Chromium that neither needs a sandbox or a display nor calls home
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

FURTHEST = """Math.max(...[...document.querySelectorAll("main *")]
  .filter((each) => !each.closest(".scroll, .tall")).map((each) => each.getBoundingClientRect().right))"""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def ridge_page(
    ridge_report: dict[str, Any], ridge_ledger: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of the page of the ridge classifiers."""
    file = tmp_path_factory.mktemp("page") / "leaderboard.html"
    curves = {"ridge_00": [2.5, 1.25, 0.5]}
    machine = {"device": "cpu x86_64", "versions": {"gapbench": "0.1.0", "torchvision": "0.28.0"}}
    build(ridge_report, ridge_ledger, {"suite": "ridge", "machine 1": machine}, file, curves=curves)
    return file.as_uri()


@pytest.fixture(scope="module")
def plain_page(
    ridge_report: dict[str, Any], ridge_ledger: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Address of the page without plotly, which loads sooner: what draws no plot is tested on it."""
    file = tmp_path_factory.mktemp("plain") / "leaderboard.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "plotly.offline", None)
        build(ridge_report, ridge_ledger, {"suite": "ridge", "versions": {"gapbench": "0.1.0"}}, file)
    return file.as_uri()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    """Opens a page in a fresh profile; at the end nothing may have been complained of, asked for or popped up."""
    contexts = []
    noise: list[str] = []

    def opened(address: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noise.append(f"error: {error}"))
        page.on("dialog", lambda dialog: noise.append(f"dialog: {dialog.message}"))
        own = address.partition("#")[0]
        page.on("request", lambda request: noise.append(f"request: {request.url}") if request.url != own else None)
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert noise == []


def names(page: Page) -> list[str]:
    """Names of the visible rows, from the top."""
    rows = page.locator("#leaderboard tbody tr:visible")
    return [str(name) for name in rows.evaluate_all("rows => rows.map((row) => row.dataset.name)")]


def sorted_by(report: dict[str, Any], figure: Callable[[dict[str, Any]], float | None], *, down: bool) -> list[str]:
    """Names by a figure, ties as the leaderboard stands, those without it last in either direction."""
    having = [name for name in order(report) if figure(report["measures"][name]) is not None]
    missing = [name for name in order(report) if figure(report["measures"][name]) is None]
    return sorted(having, key=lambda name: (figure(report["measures"][name]) or 0.0) * (-1 if down else 1)) + missing


def test_sorting(visit: Open, plain_page: str, ridge_report: dict[str, Any]) -> None:
    """A click sorts by number, a second turns the order, what has no value stays last, and Enter does the same."""
    page = visit(plain_page)
    header = page.locator("th[data-key=tau]")
    tau = lambda entry: entry["tau_b"]
    assert names(page) == order(ridge_report)
    assert page.locator("th[data-key=rank]").get_attribute("aria-sort") == "ascending"

    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert page.locator("th[aria-sort]").count() == 1
    assert names(page) == sorted_by(ridge_report, tau, down=True)
    assert names(page)[-1] == "constant"

    header.locator("button").press("Enter")
    assert header.get_attribute("aria-sort") == "ascending"
    assert names(page) == sorted_by(ridge_report, tau, down=False)

    page.locator("th[data-key=networks] button").click()
    assert names(page) == sorted_by(ridge_report, lambda entry: entry["n"], down=True)
    page.locator("th[data-key=name] button").click()
    assert names(page)[0] == HOSTILE
    page.locator("th[data-key=rank] button").click()
    assert names(page) == order(ridge_report)


def test_filters(visit: Open, plain_page: str, ridge_report: dict[str, Any]) -> None:
    """Controls can be hidden; words and family narrow the rows; the count follows."""
    page = visit(plain_page)
    every = order(ridge_report)
    page.locator("#controls").uncheck()
    assert names(page) == [name for name in every if not ridge_report["measures"][name]["control"]]
    assert page.locator("#shown").inner_text() == f"4 of {len(every)} rows"

    page.locator("#search").fill("jiang MARGIN")
    assert names(page) == ["margin"]
    page.locator("#search").fill("no such measure")
    assert names(page) == []
    assert page.locator("#nothing").is_visible()
    page.locator("#search").fill("")
    page.locator("#family").select_option("margin")
    assert sorted(names(page)) == ["log_margin", "margin"]
    page.locator("#needs").select_option("init")
    assert names(page) == ["log_margin"]
    page.locator("#needs").select_option("nothing more")
    assert names(page) == ["margin"]


def test_tracks_and_columns(
    visit: Open, ridge_report: dict[str, Any], ridge_ledger: pd.DataFrame, tmp_path: Path
) -> None:
    """Rows can be filtered by track; columns are shown and hidden by choice, header and cells alike."""
    measures = dict(ridge_report["measures"])
    for name, track in (("margin", "weights only"), ("log_margin", "second run")):
        measures[name] = {**measures[name], "track": track}
    file = tmp_path / "page.html"
    build({**ridge_report, "measures": measures}, ridge_ledger, {}, file)
    page = visit(file.as_uri())
    page.locator("#track").select_option("second run")
    assert names(page) == ["log_margin"]
    header = page.locator("th[data-key=track]")
    assert header.is_hidden()
    assert page.locator("tbody").get_by_text("second run").is_hidden()

    page.locator(".columns summary").press("Enter")
    page.locator("[data-column=track]").check()
    assert header.is_visible()
    assert page.locator("tbody").get_by_text("second run").is_visible()
    page.locator("[data-column=psi]").uncheck()
    assert page.locator("th[data-key=psi]").is_hidden()
    assert page.locator("tbody td.psi:visible").count() == 0
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"


def test_the_ledger_is_downloaded(visit: Open, plain_page: str, ridge_ledger: pd.DataFrame, tmp_path: Path) -> None:
    """The CSV is the ledger, to the last bit, hostile names and reasons with commas included."""
    page = visit(plain_page)
    with page.expect_download() as waiting:
        page.locator("#download").click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    whole = checked(ridge_ledger)
    found = pd.read_csv(file)

    assert list(found) == list(ridge_ledger)
    assert found["why.log_margin"].fillna("").to_list() == ridge_ledger["why.log_margin"].to_list()
    for name in ("measure.margin", "measure.log_margin", f"measure.{HOSTILE}", "train_accuracy", "cost.frobenius_norm"):
        pd.testing.assert_series_equal(found[name], ridge_ledger[name], check_exact=True)
    again, same = read_ledger(file), ["run_id", "seed", "hp.corruption", "hp.ridge", "converged"]
    pd.testing.assert_frame_equal(again[same], whole[same], check_dtype=False)


def test_plots_of_the_page(visit: Open, ridge_page: str, ridge_report: dict[str, Any]) -> None:
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
    assert points == {"frobenius_norm": ridge_report["measures"]["frobenius_norm"]["Psi"]}
    (heat,) = page.evaluate(data, "hyperparameters")
    rows = [name for name in order(ridge_report) if ridge_report["measures"][name]["Psi"] is not None]
    assert [name.replace("&lt;", "<").replace("&gt;", ">") for name in heat["y"]] == rows
    assert heat["x"] == ["corruption", "train size", "ridge"]
    margin = ridge_report["measures"]["margin"]["psi"].values()
    assert heat["z"][rows.index("margin")] == [None if psi is None else -psi for psi in margin]
    assert sum(len(trace["x"]) for trace in page.evaluate(data, "gaps")) == 23
    curve = page.evaluate(data, "curves")
    assert curve[0]["x"] == [1, 2, 3, None]
    assert curve[0]["y"] == [2.5, 1.25, 0.5, None]

    page.locator("#search").fill("jiang")
    page.wait_for_function(
        "n => document.querySelector('[data-plot=hyperparameters]').data[0].y.length < n", arg=len(rows)
    )
    (fewer,) = page.evaluate(data, "hyperparameters")
    assert fewer["y"] == names(page)


def test_facts_become_elements_when_they_are_opened(visit: Open, plain_page: str) -> None:
    """Until then a measure's facts are text to the browser."""
    page = visit(plain_page)
    assert page.locator("article").count() == 0

    page.get_by_role("link", name="margin", exact=True).click()
    assert page.locator("article").count() == 1
    assert page.locator("#facts .heat td").count() == 9 + 1


def test_scatter(visit: Open, ridge_page: str, ridge_ledger: pd.DataFrame) -> None:
    """A click opens the plot: a point a ranked network with a score, a trace a corruption, and the facts beside it."""
    page = visit(ridge_page)
    page.get_by_role("link", name="log_margin", exact=True).click()
    page.wait_for_selector("#plot .point")
    ranked = ridge_ledger[ridge_ledger["converged"] & ridge_ledger["measure.log_margin"].notna()]
    traces = page.evaluate("plot.data.map((t) => [t.xaxis, t.name, t.x, t.y, t.marker.symbol, t.text])")
    drawn = [trace for axis, *trace in traces if axis == "x"]

    assert page.locator("#plot .xy .point").count() == len(ranked) > 10
    assert {name.replace(" ", "_") for name, *_ in drawn} == set(ranked["hp.corruption"])
    assert len({symbol for _, _, _, symbol, _ in drawn}) == 2
    for name, scores, gaps, *_ in drawn:
        members = ranked[ranked["hp.corruption"] == name.replace(" ", "_")]
        assert scores == members["measure.log_margin"].to_list()
        assert gaps == (members["train_accuracy"] - members["test_accuracy"]).to_list()
    assert "The margin must be positive" in page.locator("#facts").inner_text()
    hover = [text for *_, texts in drawn for text in texts]
    assert sorted(text.split("<br>")[0] for text in hover) == sorted(ranked["run_id"])
    last = ranked.iloc[-1]
    assert f"{last['run_id']}<br>corruption: random_labels<br>train_size: 80<br>ridge: {last['hp.ridge']:g}" in hover


def test_a_control_beside(
    visit: Open, ridge_page: str, ridge_report: dict[str, Any], ridge_ledger: pd.DataFrame
) -> None:
    """Beside the measure stands the best hyperparameter, on the same gap axis; another control can be chosen."""
    rival = ridge_report["measures"]["margin"]["told_from"]["hyperparameter"]["name"]
    ranked = ridge_ledger[ridge_ledger["converged"]]
    page = visit(f"{ridge_page}#measure=margin")
    page.wait_for_selector("#plot .x2y2 .point")
    beside = "plot.data.filter((t) => t.xaxis === 'x2').flatMap((t) => t.x)"

    assert page.locator("#beside").input_value() == rival
    assert page.locator("#plot .x2y2 .point").count() == len(ranked)
    assert page.evaluate("plot.layout.yaxis2.matches") == "y"
    page.locator("#beside").select_option("hp.ridge")
    assert sorted(page.evaluate(beside)) == pytest.approx(sorted(ranked["hp.ridge"]), rel=1e-6)
    assert page.locator("#plot .x2title").text_content() == "control: ridge"
    options = page.locator("#beside option").evaluate_all("options => options.map((option) => option.value)")
    assert sorted(options) == sorted(name for name, entry in ridge_report["measures"].items() if entry["control"])


def test_the_panel_by_keyboard(visit: Open, ridge_page: str, ridge_report: dict[str, Any]) -> None:
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
    page.wait_for_selector("#panel", state="hidden")
    assert "#" not in page.url
    assert page.evaluate("document.activeElement.textContent") == second


def test_a_deep_link_with_a_hostile_name(visit: Open, ridge_page: str) -> None:
    """The address opens the measure; a name that is a script is text in the row, the panel and the plot."""
    page = visit(f"{ridge_page}#measure={quote(HOSTILE, safe='')}")
    page.wait_for_selector("#plot .point")

    assert page.locator("#panel-name").inner_text() == HOSTILE
    assert page.locator("#plot .xtitle").text_content() == HOSTILE
    assert HOSTILE in page.locator("#facts").inner_text()
    assert page.get_by_role("link", name=HOSTILE, include_hidden=True).count() == 1


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


def test_light_and_dark(visit: Open, plain_page: str) -> None:
    """The system decides until the button is pressed, and the choice is kept."""
    ground = "getComputedStyle(document.body).backgroundColor"
    page = visit(plain_page, color_scheme="light")
    light = page.evaluate(ground)
    page.locator("#theme").click()
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    assert visit(plain_page, color_scheme="dark").evaluate(ground) == dark


def test_plots_follow_the_theme(visit: Open, ridge_page: str) -> None:
    """An open plot is drawn again when the system turns dark."""
    page = visit(f"{ridge_page}#measure=margin", color_scheme="light")
    page.wait_for_selector("#plot .point")
    ink = "document.getElementById('plot').layout.font.color"
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {ink} !== light", arg=light)


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

    page.get_by_role("link", name="margin", exact=True).click()
    page.wait_for_selector("#plot .point")
    plot, facts = page.locator("#plot").bounding_box(), page.locator("#facts").bounding_box()
    assert plot is not None
    assert facts is not None
    assert plot["width"] <= 390
    assert facts["y"] >= plot["y"] + plot["height"] - 1


def test_a_held_out_zoo_on_a_telephone(
    visit: Open, ridge_report: dict[str, Any], ridge_ledger: pd.DataFrame, tmp_path: Path
) -> None:
    """The comparison scrolls within its own frame, its numbers on one line; a name opens the facts of the measure."""
    report = {**ridge_report, "beside": beside(ridge_report, ridge_report)}
    build(report, ridge_ledger, {"suite": "ridge"}, tmp_path / "page.html")
    page = visit((tmp_path / "page.html").as_uri(), viewport={"width": 390, "height": 844})
    section = page.locator("#held-out")

    assert page.evaluate(FURTHEST) <= 390
    assert all(each.bounding_box()["height"] < 30 for each in section.locator("td .ends").all())  # type: ignore[index]
    section.get_by_role("link", name="margin", exact=True).click()
    assert page.locator("#panel-name").text_content() == "margin"


def test_without_javascript(visit: Open, plain_page: str, ridge_report: dict[str, Any]) -> None:
    """The table and every measure's facts are there to read, and no button that would do nothing."""
    page = visit(plain_page, java_script_enabled=False)

    assert page.locator("#leaderboard tbody tr").count() == len(ridge_report["measures"])
    assert page.locator("article:visible").count() == len(ridge_report["measures"])
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
    page.get_by_role("link", name="WCV", exact=True).click()
    page.wait_for_selector("#plot .point")
    assert page.locator("#plot .xy .point").count() == 96
