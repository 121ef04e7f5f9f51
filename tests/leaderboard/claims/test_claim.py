"""A claim's verdict follows from its interval and from the range that the paper set."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leaderboard.claims import Claim, Evidence, Finding, Range, judge
from leaderboard.claims.claim import Verdict, bootstrap, verdict


def evidence(effect: float, seeds: int, spread: float = 1.0) -> Evidence:
    """Gaussian values of `value` around an effect, four networks a seed."""
    generator = np.random.default_rng(0)
    rows = [(seed, effect + spread * generator.normal()) for seed in range(seeds) for _ in range(4)]
    ledger = pd.DataFrame(rows, columns=["seed", "value"])
    return Evidence(ledger, pd.DataFrame(), {})


def claim(holds: Range) -> Claim:
    """The mean of `value` lies where `holds` says."""

    def mean(found: Evidence) -> Finding:
        return bootstrap(found.ledger, lambda rows: float(rows["value"].mean()), by=["seed"])

    return Claim(
        study="this", name="mean", statement="It is positive.", source="a paper", published="1", unit="points",
        holds=holds, test=mean,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "seeds", "expected"),
    [(1.0, 30, "reproduced"), (-1.0, 30, "not reproduced"), (0.1, 5, "undecided"), (1.0, 1, "undecided")],
)
def test_planted_effects_get_their_verdicts(effect: float, seeds: int, expected: Verdict) -> None:
    """True, absent, too small for the data, and data without a spread."""
    (judged,) = judge([claim(Range(low=0))], evidence(effect, seeds))

    assert judged.verdict == expected
    assert judged.networks == 4 * seeds
    assert judged.holds == "at least 0"


def test_a_ledger_without_the_columns_takes_no_other_claim_down() -> None:
    """It is undecided, with the reason."""
    found = evidence(1.0, 30)
    broken = Evidence(found.ledger.rename(columns={"value": "other"}), found.curves, {})
    first, second = judge([claim(Range(low=0)), claim(Range(high=0))], broken)

    assert first.verdict == second.verdict == "undecided"
    assert "'value'" in first.why
    assert judge([claim(Range(low=0))], Evidence(found.ledger[:0], found.curves, {}))[0].effect is None


def test_a_claim_of_a_user_may_raise_anything_and_return_numbers_of_numpy() -> None:
    """The first is undecided with the reason, the second is judged, and JSON can hold it."""

    def fail(_: Evidence) -> Finding:
        raise AttributeError("no such thing")

    def count(_: Evidence) -> Finding:
        return Finding(np.float64(2), np.float64(1), np.float64(3), 4)

    broken, judged = judge([replace(claim(Range()), test=fail), replace(claim(Range()), test=count)], evidence(1.0, 3))

    assert "no such thing" in broken.why
    assert json.loads(json.dumps([judged.effect, judged.low, judged.high])) == [2, 1, 3]
    assert type(judged.effect) is float


def test_the_bootstrap_draws_clusters() -> None:
    """Four copies of a network say no more than one: the interval is that of the seeds' means."""
    generator = np.random.default_rng(1)
    means = generator.normal(size=50)
    copies = pd.DataFrame({"seed": np.repeat(range(50), 4), "value": np.repeat(means, 4)})
    finding = bootstrap(copies, lambda rows: float(rows["value"].mean()), by=["seed"])

    assert finding.low is not None
    assert finding.high is not None
    assert (finding.high - finding.low) / 2 == pytest.approx(1.96 * means.std() / 50**0.5, rel=0.1)


def test_an_interval_needs_most_of_the_resamples() -> None:
    """A figure that only exists where the first of ten seeds is drawn once: in 0.9^9 = 39 % of the resamples."""
    frame = pd.DataFrame({"seed": range(10)})
    finding = bootstrap(frame, lambda rows: 1.0 if (rows["seed"] == 0).sum() == 1 else float("nan"), by=["seed"])

    assert (finding.effect, finding.low, finding.high) == (1, None, None)
    assert finding.why == "No interval: the effect cannot be computed in most resamples."


def test_the_ends_of_a_range_belong_to_it() -> None:
    """An interval that ends there from within is reproduced; one that only touches it from outside is undecided."""
    assert verdict(Finding(1.0, 0.0, 2.0, 8), Range(0, 2)) == "reproduced"
    assert verdict(Finding(-0.5, -1.0, 0.0, 8), Range(low=0)) == "undecided"
    assert verdict(Finding(-0.5, -1.0, -0.1, 8), Range(low=0)) == "not reproduced"
    assert verdict(Finding(3.0, 2.5, 4.0, 8), Range(0, 2)) == "not reproduced"
