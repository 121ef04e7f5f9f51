"""Public and held-out zoo side by side: differences by hand, verdicts that are lost, and what is not compared."""

import io
import json
import math
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Comparison, Report
from leaderboard.statistics.resampling import Interval
from leaderboard.views.held_out import beside, difference_interval, not_compared, pairs_of
from leaderboard.views.held_out_text import markdown_beside, render_beside
from leaderboard.views.rows import Figure

HOSTILE = "a|b`<i>"
METADATA: dict[str, dict[str, Any]] = {
    "good": {"version": 1, "expected_sign": 1},
    "mirrored": {"expected_sign": -1},
    "tuned": {"expected_sign": 1},
    "revised": {"version": 1},
    "edited": {"source_hash": "one"},
    "old": {},
    HOSTILE: {"expected_sign": 1},
}


def ledger(*, public: bool) -> pd.DataFrame:
    """Two seeds of each of 27 settings of three hyperparameters that add up to the gap."""
    draw = np.random.default_rng(1 if public else 2)
    rows = []
    for a, b, c, _ in product(range(3), range(3), range(3), range(2)):
        gap = 0.05 * (a + b + c) + draw.normal(0, 0.04)
        rows.append(
            {
                "hp.a": a,
                "hp.b": b,
                "hp.c": c,
                "gap": gap,
                "measure.good": gap + draw.normal(0, 0.1),
                "measure.mirrored": -gap + draw.normal(0, 0.015),
                "measure.tuned": gap + draw.normal(0, 0.03) if public else draw.normal(),
                "measure.revised": gap,
                "measure.edited": gap,
                f"measure.{HOSTILE}": draw.normal(),
                **({"measure.old": gap} if public else {"measure.new": gap, "measure.flat": float("nan")}),
                **({"measure.flat": gap} if public else {}),
            }
        )
    return pd.DataFrame(rows)


def ranked(*, public: bool, **options: Any) -> Report:
    """A zoo's ranking; on the held-out one a measure has another version and one has other code."""
    other: dict[str, dict[str, Any]] = {"revised": {"version": 2}, "edited": {"source_hash": "two"}}
    return rank(
        ledger(public=public), metadata=METADATA if public else METADATA | other, **{"bootstrap": 300} | options
    )


@pytest.fixture(scope="module")
def public() -> Report:
    """The zoo that everybody knows."""
    return ranked(public=True)


@pytest.fixture(scope="module")
def held_out() -> Report:
    """The other one."""
    return ranked(public=False)


@pytest.fixture(scope="module")
def comparison(public: Report, held_out: Report) -> Comparison:
    """The two side by side."""
    return beside(public, held_out)


def figure(value: float, low: float, high: float) -> Figure:
    """With its interval."""
    return Figure(value=value, interval=Interval(low, high))


def test_the_interval_of_a_difference_by_hand() -> None:
    """0.5 (0.1 to 0.6) and 0.2 (-0.1 to 0.6): -0.3 - sqrt(0.3^2 + 0.1^2) and -0.3 + sqrt(0.4^2 + 0.4^2)."""
    found = difference_interval(figure(0.5, 0.1, 0.6), figure(0.2, -0.1, 0.6), 1)

    assert found == pytest.approx((-0.3 - math.sqrt(0.1), -0.3 + math.sqrt(0.32)), rel=1e-12)


def test_a_sign_of_minus_one_mirrors_the_difference() -> None:
    """Of both figures and intervals turned."""
    a, b = figure(0.5, 0.1, 0.6), figure(0.2, -0.1, 0.6)
    turned = figure(-0.5, -0.6, -0.1), figure(-0.2, -0.6, 0.1)

    assert difference_interval(a, b, -1) == pytest.approx(difference_interval(*turned, 1), rel=1e-12)


def test_without_a_spread_there_is_no_interval() -> None:
    """Not of a figure without interval, nor of one whose interval is a point."""
    some = figure(0.5, 0.1, 0.6)
    for other in (Figure(value=None), Figure(value=0.2), figure(1.0, 1.0, 1.0)):
        assert difference_interval(some, other, 1) is None
        assert difference_interval(other, some, 1) is None


def test_the_interval_covers_the_difference_of_two_correlations() -> None:
    """Of 0.9 and 0.5 with Fisher's intervals, 40 observations each: 95 % of 4,000 draws, within 1.5 points.

    Each side alone misses 2.5 %, within 1.5: were the sides of the intervals confused, one would miss far more.
    """
    draw, z = np.random.default_rng(0), np.arctanh([0.9, 0.5])
    spread = 1 / np.sqrt(37)
    above = below = 0
    for p, h in draw.normal(z, spread, (4000, 2)):
        mine, theirs = (
            figure(np.tanh(x), np.tanh(x - 1.96 * spread), np.tanh(x + 1.96 * spread)) for x in (float(p), float(h))
        )
        low, high = difference_interval(mine, theirs, 1) or (math.nan, math.nan)
        above += low > 0.5 - 0.9
        below += high < 0.5 - 0.9

    assert above / 4000 == pytest.approx(0.025, abs=0.015)
    assert below / 4000 == pytest.approx(0.025, abs=0.015)


def test_rows_are_those_of_the_two_rankings(comparison: Comparison, public: Report, held_out: Report) -> None:
    """Psi of each, best on the held-out zoo first; the difference is turned by the expected sign; no controls."""
    rows = pairs_of(comparison)

    assert [row.name for row in rows[:2]] == ["mirrored", "good"]
    assert {row.name for row in rows} == {"good", "mirrored", "tuned", HOSTILE}
    assert [row.place for row in rows] == [1, 2, 3, 4]
    for row in rows:
        mine, theirs = (zoo.measures[row.name] for zoo in (public, held_out))
        sign = -1 if row.name == "mirrored" else 1
        assert (row.public.value, row.held_out.value) == (mine.Psi, theirs.Psi)
        assert row.public.interval == mine.interval.Psi
        assert row.held_out.interval == theirs.interval.Psi
        assert row.difference.value == pytest.approx(sign * ((theirs.Psi or 0) - (mine.Psi or 0)), abs=1e-12)
    turned = [(row.expected_sign or 1) * (row.held_out.value or 0) for row in rows]
    assert turned == sorted(turned, reverse=True)


def test_verdicts_hold_or_are_lost(comparison: Comparison) -> None:
    """What is good stays; what fits the public gaps and no others loses all; where nothing was said nothing is lost."""
    rows = {row.name: row for row in pairs_of(comparison)}

    assert rows["mirrored"].verdicts["chance"] == ("better", "better")
    assert (rows["mirrored"].mark, rows["mirrored"].verdict) == ("holds", "holds")
    assert rows["tuned"].mark == "does not hold"
    assert rows["tuned"].lost == ("sign", "chance", "hp")
    assert rows["tuned"].verdict == "does not hold: sign, chance, hp"
    assert rows[HOSTILE].mark == ""
    assert not rows["good"].falls
    assert not any(row.falls for row in rows.values() if row.difference.interval is None)


def test_a_measure_of_unknown_sign_that_turns_is_lost() -> None:
    """It is better than chance on both zoos, in opposite directions."""
    frames = [ledger(public=public) for public in (True, False)]
    frames[1]["measure.good"] = -frames[1]["gap"] + 0.02 * np.random.default_rng(3).normal(size=54)
    (row,) = (row for row in pairs_of(beside(*(rank(each, bootstrap=300) for each in frames))) if row.name == "good")

    assert row.verdicts["chance"] == ("better", "better")
    assert row.verdicts["sign"] == ("unknown", "unknown")
    assert "chance" in row.lost
    assert (row.difference.value or 0) < -1


def test_a_fall_is_one_in_the_expected_direction(public: Report, held_out: Report) -> None:
    """Below 0 with its whole interval; seen from the other side it is a gain, which is none."""
    there, back = ({row.name: row for row in pairs_of(beside(*pair))} for pair in permutations((public, held_out)))

    assert [name for name, row in there.items() if row.falls] == ["tuned"]
    assert there["tuned"].difference.interval == pytest.approx(
        [-end for end in reversed(back["tuned"].difference.interval or ())]
    )
    assert not back["tuned"].falls


def test_what_is_not_compared_says_why(comparison: Comparison) -> None:
    """On one zoo only, by another version, by other code, without a Psi."""
    reasons = comparison.not_compared

    assert reasons.keys() == {"old", "new", "revised", "edited", "flat"}
    assert reasons["old"] == "scored on the public zoo only"
    assert reasons["new"] == "scored on the held-out zoo only"
    assert reasons["revised"] == "scored by version 1 on the public zoo, by version 2 on the held-out one"
    assert reasons["edited"] == "scored by other code on each of the two zoos"
    assert reasons["flat"].startswith("without a Psi on the held-out zoo (No two networks")
    assert not_compared(replace(comparison, not_compared={"b": "why", "c": "else", "a": "why"})) == {
        "why": ["a", "b"],
        "else": ["c"],
    }


def test_a_verdict_that_was_not_sought_is_not_lost() -> None:
    """Without resamples there is no test against chance: the sign alone is compared."""
    comparison = beside(ranked(public=True), ranked(public=False, bootstrap=0))

    assert comparison.measures["mirrored"].holds
    assert comparison.measures["tuned"].lost in ([], ["sign"])
    assert comparison.measures["tuned"].difference.interval is None


def test_zoos_that_vary_other_things_say_so(public: Report) -> None:
    """Psi is a mean over hyperparameters: over others it is another one."""
    other = rank(ledger(public=False).rename(columns={"hp.c": "hp.d"}), bootstrap=0)
    found = beside(public, other)

    assert (found.only_public_varies, found.only_held_out_varies) == (["hp.c"], ["hp.d"])
    assert "Only the public zoo varies c. Only the held-out zoo varies d." in markdown_beside(public, found)


def test_it_is_json(comparison: Comparison, public: Report) -> None:
    """Without NaN, under "beside" in the report."""
    found = json.loads(json.dumps(replace(public, beside=comparison).to_json(), allow_nan=False))["beside"]

    assert list(found["measures"]) == [row.name for row in pairs_of(comparison)]
    assert found["measures"]["mirrored"]["difference"]["Psi"] == comparison.measures["mirrored"].difference.Psi
    assert "beside" not in public.to_json()


@pytest.mark.parametrize("width", [60, 140])
def test_the_terminal_shows_it(comparison: Comparison, public: Report, width: int) -> None:
    """What matters most at any width; what is not compared, with the reason."""
    out = io.StringIO()
    render_beside(public, comparison, Console(file=out, width=width))
    words = " ".join(out.getvalue().split())

    assert "4 measures on 54 public and 54 held-out networks" in words
    assert "3 have a public verdict; it holds on the held-out zoo for 2." in words
    for row in pairs_of(comparison):
        assert f"{row.public.value:+.3f}" in words
        assert f"{row.held_out.value:+.3f}" in words
    assert "does not hold: sign, chance, hp" in words
    assert "Not compared, scored on the public zoo only: old." in words
    assert ("95 %" in words.split("mirrored", 1)[0]) == (width == 140)


def test_markdown_shows_it(comparison: Comparison, public: Report) -> None:
    """Nine cells a row, names that part no cell, the reasons below."""
    lines = markdown_beside(public, comparison).splitlines()
    rows = [line.replace("\\|", "/").strip("|").split(" | ") for line in lines if line.startswith("| ")]

    assert [len(row) for row in rows[1:]] == [9] * 4
    assert rows[1][1] == "`mirrored`"
    assert rows[1][-1].strip() == "holds"
    assert "| **does not hold: sign, chance, hp** |" in "\n".join(lines)
    assert "`a/b'&lt;i>`" in [row[1] for row in rows]
    assert "Not compared, scored by other code on each of the two zoos: `edited`." in lines
