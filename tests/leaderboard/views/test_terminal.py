"""The terminal's table."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from leaderboard.ranking.rank import order, rank
from leaderboard.ranking.report import Report
from leaderboard.statistics.granulated import Sample
from leaderboard.views.rows import Figure
from leaderboard.views.terminal import LEGEND, format_duration, format_labels, format_number, render
from tests.leaderboard.reports import Ranked


def printed(report: Report, width: int, most: int | None = None, **console: Any) -> str:
    """What the table looks like on a console of this width."""
    file = io.StringIO()
    render(report, Console(file=file, width=width, **console), most)
    return file.getvalue()


def row_of(text: str, name: str) -> list[str]:
    """The cells of a measure's row."""
    return next(line.split() for line in text.splitlines() if name in line.split())


def test_every_measure_stands_in_order(ridge_report: Report, ridge_json: Ranked) -> None:
    """One row a measure, from best to last."""
    text = printed(ridge_report, 160)
    table = text.splitlines()[2 : 2 + len(ridge_json["measures"])]

    assert [line.split()[1] for line in table] == order(ridge_report)


def test_a_row_has_the_figures_of_the_report(ridge_report: Report, ridge_json: Ranked) -> None:
    """Rank, Psi with its interval, sign, both tau-b, gate, cost, networks and family, each in its column."""
    entry = ridge_json["measures"]["frobenius_norm"]
    low, high = entry["interval"]["Psi"]
    cells = row_of(printed(ridge_report, 200), "frobenius_norm")

    assert cells[:5] == [
        "1",
        "frobenius_norm",
        f"{entry['Psi']:+.3f}",
        f"{low:+.2f}",
        f"{high:+.2f}",
    ]
    assert cells[5] == "+"
    assert cells[-12:] == [
        f"{entry['psi']['hp.corruption']:+.3f}",
        f"{entry['tau_b']:+.3f}",
        f"{entry['within']['tau_b']:+.3f}",
        f"{entry['gate']['auc']:.3f}",
        "<",
        "1",
        "2.1",
        "ms",
        "training",
        "data",
        "23",
        "norm",
    ]


def test_the_sign_that_is_expected_is_shown(ridge_report: Report) -> None:
    """A margin should fall as the gap grows."""
    assert row_of(printed(ridge_report, 160), "margin")[5] == "-"


def test_an_unknown_sign_is_said(ridge_ledger: pd.DataFrame) -> None:
    """In each row, and once how to say it."""
    text = printed(rank(ridge_ledger, bootstrap=0), 200)

    assert row_of(text, "margin")[4] == "unknown"
    assert "The sign of 4 measures is unknown: ordered by |Psi|." in text


def test_the_first_measures(ridge_report: Report) -> None:
    """So many, with the controls that stand above the last of them, and of how many."""
    text = printed(ridge_report, 200, most=3)

    assert "  3  log_margin" in text
    assert "  4  margin" not in text
    assert "noisy_oracle_0.01" in text
    assert "The first 3 of 4 measures are shown." in text
    assert "are shown" not in printed(ridge_report, 200)


def test_controls_are_marked(ridge_report: Report) -> None:
    """Controls have a word of their own, no rank, and another style; measures have none of that."""
    text = printed(ridge_report, 160)
    styled = printed(ridge_report, 160, force_terminal=True, color_system="standard")
    random, proper = (
        next(line for line in styled.splitlines() if name in line) for name in ("random_number", "frobenius_norm")
    )

    assert row_of(text, "random_number")[0] == "–"
    assert row_of(text, "random_number")[-1] == "control"
    assert "control" not in row_of(text, "frobenius_norm")
    assert "\x1b[2;3m" in random
    assert "\x1b[2;3m" not in proper


def test_what_was_left_out_is_said(ridge_report: Report) -> None:
    """The line above the table counts measures, networks and those that did not converge."""
    headline = printed(ridge_report, 160).splitlines()[0]

    assert "4 measures ranked by how well they order 23 networks by gap" in headline
    assert "1 not converged, left out" in headline


def test_networks_without_a_target_are_counted(ridge_ledger: pd.DataFrame) -> None:
    """One of one network, too."""
    frame = ridge_ledger.assign(gap=[0.1, np.inf, *[np.nan] * 34]).drop(columns=["converged", "measure.margin"])
    headline = printed(rank(frame, bootstrap=0), 160).splitlines()[0].strip()

    assert headline == "3 measures ranked by how well they order 1 network by gap; 35 without gap left out"


def test_how_it_was_ranked_is_said(ridge_ledger: pd.DataFrame) -> None:
    """Where seeds are kept or a hyperparameter is binned."""
    usual = rank(ridge_ledger, bootstrap=0)
    other = rank(ridge_ledger, bootstrap=0, seeds="kept", bins={"ridge": 2})

    assert printed(usual, 200).splitlines()[0].rstrip().endswith("12 with random labels serve the gate only")
    assert "gate only; seeds compared one by one; binned: ridge rank" in " ".join(printed(other, 240).split())


def test_sampled_pairs_and_their_error_are_in_the_first_line(ridge_report: Report) -> None:
    """Of each hyperparameter along which not all pairs are compared."""
    sampled = {"hp.ridge": Sample(pairs=50_000, of=3_000_000, error=0.00446)}
    report = replace(ridge_report, grid=replace(ridge_report.grid, sampled=sampled))
    line = " ".join(printed(report, 160).split())

    assert "; compared 50,000 of 3,000,000 pairs along ridge (psi ± 0.0045)" in line


@pytest.mark.parametrize("width", [1, 10, 24, 40, 60, 80, 100, 120, 240])
def test_any_width(ridge_report: Report, ridge_json: Ranked, width: int) -> None:
    """No line is wider than the console, and a usual one shows every name and figure whole."""
    text = printed(ridge_report, width)

    assert max(map(len, text.splitlines())) <= width
    if width >= 60:
        assert all(name in text for name in ridge_json["measures"])
        assert "…" not in text


def test_a_narrow_console_keeps_what_matters_most(ridge_report: Report) -> None:
    """Columns fall away one by one; the mark of the controls and the interval are among the last."""
    texts = [printed(ridge_report, width) for width in (60, 90, 110, 200)]
    headers = [next(line.split() for line in text.splitlines() if line.startswith("rank ")) for text in texts]

    assert headers[0] == ["rank", "measure", "Psi"]
    assert headers[1] == ["rank", "measure", "Psi", "95", "%", "better", "than"]
    assert headers[2] == ["rank", "measure", "Psi", "95", "%", "sign", "better", "than", "within"]
    assert headers[3][-7:] == ["gate", "AUC", "labels", "cost", "track", "networks", "family"]
    assert " control" in texts[0]
    assert "Hidden at this width: sign, across, tau-b, within, gate AUC," in texts[1]
    assert "Hidden" not in texts[3]


def test_a_missing_figure_is_a_dash(ridge_ledger: pd.DataFrame) -> None:
    """Without corruption there is neither a stratum nor a gate."""
    report = rank(ridge_ledger.drop(columns="hp.corruption"), bootstrap=0)
    cells = row_of(printed(report, 200), "frobenius_norm")

    assert cells[3] == "–"
    assert cells[-8:-6] == ["–", "–"]
    assert "None" not in printed(report, 160)
    assert "nan" not in printed(report, 160)


def test_names_are_no_markup(ridge_ledger: pd.DataFrame) -> None:
    """A name with brackets is printed as it is."""
    report = rank(ridge_ledger.rename(columns={"measure.margin": "measure.[bold]x[/bold]"}), bootstrap=0)

    assert "[bold]x[/bold]" in printed(report, 160)


def test_published_ledger(data_dir: Path) -> None:
    """The contest's first task: the within-class variance leads the four published measures."""
    report = rank(pd.read_csv(data_dir / "pgdl" / "task1.csv"), bootstrap=20)
    text = printed(report, 160)

    assert row_of(text, "WCV")[:3] == ["1", "WCV", "+0.545"]
    assert row_of(text, "VPM_1")[:3] == ["4", "VPM_1", "+0.396"]
    assert text.splitlines()[0].startswith("4 measures ranked by how well they order 96 networks")


def test_what_a_measure_is_better_than(ridge_report: Report, ridge_json: Ranked) -> None:
    """Both verdicts of the report, in one cell."""
    words = {
        ("better", "better"): "chance, hp",
        ("better", "not told apart"): "chance",
        ("not told apart", "better"): "hp",
        ("worse", "better"): "hp; worse than chance",
        ("better", "worse"): "chance; worse than hp",
        ("worse", "worse"): "worse than chance and hp",
        ("worse", "not told apart"): "worse than chance",
        ("not told apart", "worse"): "worse than hp",
    }
    text = printed(ridge_report, 200)
    for name, entry in ridge_json["measures"].items():
        told = entry["told_from"]
        if told["random"] and told["hyperparameters"] and " " not in name:
            expected = words.get((told["random"]["verdict"], told["hyperparameters"]["verdict"]), "neither")
            assert f"  {expected}  " in next(line for line in text.splitlines() if line.split()[1:2] == [name])


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "< 1"), (0.99, "< 1"), (1.0, "1"), (783.0, "780"), (15849.0, "16,000")]
)
def test_labels(value: float | None, text: str) -> None:
    """To two digits, as they are no better known."""
    assert format_labels(Figure(value=value)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.0, "0 µs"),
        (3.42e-6, "3.42 µs"),
        (0.0021, "2.1 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (1.0, "1 s"),
        (59.0, "59 s"),
        (59.99, "1 min"),
        (90, "1.5 min"),
        (9e4, "25 h"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    """A time reads in its own unit."""
    assert format_duration(seconds) == text


def test_what_rounds_to_zero_has_no_sign() -> None:
    """Minus zero is a rounding, not a direction."""
    assert format_number(Figure(value=-1e-9)) == "+0.000"
    assert format_number(Figure(value=-1e-9), signed=False) == "0.000"


@pytest.mark.parametrize(
    ("width", "terms"),
    [
        (60, ["Psi"]),
        (110, ["Psi", "95 %", "sign", "better than", "within"]),
        (240, [term for term in LEGEND if term != "noise"]),
    ],
)
def test_the_legend_explains_the_columns_that_are_shown(ridge_report: Report, width: int, terms: list[str]) -> None:
    """And no others."""
    lines = printed(ridge_report, width).splitlines()

    assert [term for term in LEGEND if any(line.startswith(f"{term}: ") for line in lines)] == terms


def test_measures_too_noisy_to_rank_are_marked(ridge_ledger: pd.DataFrame) -> None:
    """A dash for a rank, the noise and a mark on the row, and a sentence below; none where all are quiet."""
    metadata = {"frobenius_norm": {"noise": 0.517}, "margin": {"noise": 0.0, "expected_sign": -1}}
    text = printed(rank(ridge_ledger, metadata=metadata, bootstrap=0), 250)
    quiet = printed(rank(ridge_ledger, bootstrap=0), 250)

    assert row_of(text, "frobenius_norm")[0] == "–"
    assert row_of(text, "frobenius_norm")[-3:] == ["0.52", "too", "noisy"]
    assert row_of(text, "margin")[-1] == "0"
    assert text.startswith("3 measures ranked")
    assert "1 more whose estimator is too noisy" in text
    assert "rank draws of their estimator" in text
    assert "noisy" not in quiet.replace("noisy_oracle", "")
