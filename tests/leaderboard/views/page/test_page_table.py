"""The table in a browser: sorting, filters, columns, and the ledger handed out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pandas as pd
import pytest

from leaderboard.ledger.read import check_ledger, read_ledger
from leaderboard.ranking.entry import Entry
from leaderboard.ranking.rank import order
from leaderboard.ranking.report import Report
from leaderboard.views.page import build
from leaderboard.views.rows import rows_of
from tests.leaderboard.conftest import HOSTILE
from tests.leaderboard.reports import Ranked
from tests.leaderboard.views.page.conftest import Open, names


def sorted_by(report: Report, figure: Callable[[Entry], float | None], *, down: bool) -> list[str]:
    """Names by a figure, ties as the leaderboard stands, those without it last in either direction."""
    having = [name for name in order(report) if figure(report.measures[name]) is not None]
    missing = [name for name in order(report) if figure(report.measures[name]) is None]
    return sorted(having, key=lambda name: (figure(report.measures[name]) or 0.0) * (-1 if down else 1)) + missing


def test_sorting(visit: Open, plain_page: str, ridge_report: Report) -> None:
    """A click sorts by number, a second turns the order, what has no value stays last, and Enter does the same."""
    page = visit(plain_page)
    header = page.locator("th[data-key=tau]")
    tau: Callable[[Entry], float | None] = lambda entry: entry.tau_b
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
    assert names(page) == sorted_by(ridge_report, lambda entry: entry.n, down=True)
    page.locator("th[data-key=name] button").click()
    assert names(page)[0] == HOSTILE
    page.locator("th[data-key=rank] button").click()
    assert names(page) == order(ridge_report)


def test_filters(visit: Open, plain_page: str, ridge_report: Report, ridge_json: Ranked) -> None:
    """Controls can be hidden; words and family narrow the rows; the count follows."""
    page = visit(plain_page)
    every = order(ridge_report)
    page.locator("#controls").uncheck()
    assert names(page) == [name for name in every if not ridge_json["measures"][name]["control"]]
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


def test_tracks_and_columns(visit: Open, ridge_report: Report, ridge_ledger: pd.DataFrame, tmp_path: Path) -> None:
    """Rows can be filtered by track; columns are shown and hidden by choice, header and cells alike."""
    measures = dict(ridge_report.measures)
    for name, track in (("margin", "weights only"), ("log_margin", "second run")):
        measures[name] = replace(measures[name], about=replace(measures[name].about, track=track))
    file = tmp_path / "page.html"
    build(replace(ridge_report, measures=measures), ridge_ledger, {}, file)
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
    assert page.locator("#leaderboard td.psi:visible").count() == 0
    header.locator("button").click()
    assert header.get_attribute("aria-sort") == "ascending"


def test_the_ledger_is_downloaded(visit: Open, plain_page: str, ridge_ledger: pd.DataFrame, tmp_path: Path) -> None:
    """The CSV is the ledger, to the last bit, hostile names and reasons with commas included."""
    page = visit(plain_page)
    with page.expect_download() as waiting:
        page.locator("#download").click()
    file = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(file)
    whole = check_ledger(ridge_ledger)
    found = pd.read_csv(file)

    assert list(found) == list(ridge_ledger)
    assert found["why.log_margin"].fillna("").to_list() == ridge_ledger["why.log_margin"].to_list()
    for name in ("measure.margin", "measure.log_margin", f"measure.{HOSTILE}", "train_accuracy", "cost.frobenius_norm"):
        pd.testing.assert_series_equal(found[name], ridge_ledger[name], check_exact=True)
    again, same = read_ledger(file), ["run_id", "seed", "hp.corruption", "hp.ridge", "converged"]
    pd.testing.assert_frame_equal(again[same], whole[same], check_dtype=False)


def test_the_address_keeps_filters_and_order(visit: Open, plain_page: str) -> None:
    """What the reader chose is in the address, and the address brings it back; at first it is empty."""
    page = visit(plain_page)
    page.locator("#controls").uncheck()
    page.locator("th[data-key=tau] button").click()
    page.locator("#search").fill("m")
    words = dict(parse_qsl(page.evaluate("location.hash.slice(1)")))
    shown = names(page)

    assert words == {"search": "m", "controls": "off", "sort": "tau.descending"}
    again = visit(plain_page + page.evaluate("location.hash"))
    assert names(again) == shown
    assert again.locator("#search").input_value() == "m"
    assert again.locator("th[data-key=tau]").get_attribute("aria-sort") == "descending"

    again.locator("#search").fill("")
    again.locator("#controls").check()
    again.locator("th[data-key=rank] button").click()
    assert again.evaluate("location.hash") == ""


@pytest.mark.parametrize("fragment", ["#sort=nobody.up&family=none", "#sort=tau", "#needs=%E0%A4%A&sort=.", "#cost"])
def test_an_address_of_another_page(visit: Open, plain_page: str, fragment: str, ridge_report: Report) -> None:
    """Names that are not there change nothing."""
    page = visit(plain_page + fragment)

    assert names(page) == order(ridge_report)


def test_the_ranking_as_csv(visit: Open, plain_page: str, ridge_report: Report) -> None:
    """The rows that are shown in their order, every column, figures in full with their intervals."""
    page = visit(plain_page)
    page.locator("#controls").uncheck()
    with page.expect_download() as saved:
        page.locator("#download-ranking").click()
    table = pd.read_csv(saved.value.path())

    assert list(table["measure"]) == names(page)
    entry = ridge_report.measures["margin"]
    row = table.set_index("measure").loc["margin"]
    assert row["psi"] == entry.Psi
    assert (row["psi_low"], row["psi_high"]) == tuple(entry.interval.Psi)  # type: ignore[arg-type]
    assert row["networks"] == entry.n
    assert list(table["rank"].dropna()) == sorted(table["rank"].dropna())


def test_the_line_below_what_is_better_than_chance(
    ridge_report: Report, ridge_ledger: pd.DataFrame, visit: Open, tmp_path: Path
) -> None:
    """It stands below the last measure with that verdict, and only where the table is sorted by rank."""
    build(ridge_report, ridge_ledger, {"suite": "ridge"}, tmp_path / "page.html")
    page = visit((tmp_path / "page.html").as_uri())
    told = [row.name for row in rows_of(ridge_report) if row.place is not None and row.chance == "better"]
    line = "name => getComputedStyle(document.querySelector(`tr[data-name='${name}'] td`)).borderBottomStyle"

    assert page.locator(".last-told").evaluate_all("rows => rows.map((row) => row.dataset.name)") == told[-1:]
    for name in told[-1:]:
        assert page.evaluate(line, name) == "solid"
        page.locator("th[data-key=tau] button").click()
        assert page.evaluate(line, name) == "none"
    assert ("Below the line" in page.locator("#ranking").inner_text()) == bool(told)
