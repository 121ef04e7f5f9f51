"""Agreement of rankings: a rank correlation over measures, with whole families resampled."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from leaderboard.findings.agreement import agreement, compare_halves, directed, families
from leaderboard.ranking.rank import rank
from tests.leaderboard.reports import zoo


def test_the_correlation_is_spearmans_over_common_measures() -> None:
    """Measures that only one ranking has are left out."""
    rng = np.random.default_rng(0)
    one = {f"m{place}": float(value) for place, value in enumerate(rng.normal(size=40))}
    two = {name: value + float(rng.normal()) for name, value in one.items()} | {"other": 9.0}
    found = agreement(one | {"mine": 0.0}, two, {})

    assert found is not None
    assert found.measures == 40
    assert found.rho == pytest.approx(spearmanr(list(one.values()), [two[name] for name in one]).statistic)
    assert found.interval is not None
    assert found.interval.low < found.rho < found.interval.high


def test_families_widen_the_interval() -> None:
    """Forty copies of eight measures say no more than eight."""
    rng = np.random.default_rng(1)
    values = [(float(x), float(x + 2 * e)) for x, e in rng.normal(size=(8, 2))]
    names = [(f"{family}_{copy}", family) for family in range(8) for copy in range(5)]
    noise = rng.normal(0, 1e-3, size=(len(names), 2))
    one = {name: values[family][0] + float(e) for (name, family), (e, _) in zip(names, noise, strict=True)}
    two = {name: values[family][1] + float(e) for (name, family), (_, e) in zip(names, noise, strict=True)}
    apart = agreement(one, two, {})
    together = agreement(one, two, {name: str(family) for name, family in names})

    assert apart is not None and apart.interval is not None  # noqa: PT018  one thought
    assert together is not None and together.interval is not None  # noqa: PT018  one thought
    widths = [high - low for low, high in (apart.interval, together.interval)]
    assert widths[1] > 1.3 * widths[0]


def test_too_few_measures_have_no_agreement() -> None:
    """And rankings that put all measures level."""
    few = {"a": 1.0, "b": 2.0, "c": 3.0}
    assert agreement(few, few, {}) is None
    level = dict.fromkeys("abcdef", 1.0)
    assert agreement(level, level, {}) is None


def test_measures_that_are_planted_agree_in_both_halves() -> None:
    """Those that follow the gap, by as much as they do, in every model; a zoo without blocks has no halves."""
    ledger = pd.concat([zoo().assign(**{"hp.model": model}) for model in ("one", "two")], ignore_index=True)
    rng = np.random.default_rng(0)
    spread = ledger["gap"].groupby(ledger["hp.corruption"]).transform("std")
    for place, share in enumerate(np.linspace(-2, 2, 9)):
        ledger[f"measure.m{place}"] = share * ledger["gap"] + spread * 0.3 * rng.normal(size=len(ledger))
    ledger["run_id"] = [f"r{place}" for place in range(len(ledger))]
    halves = compare_halves(ledger, {}, splits=2)

    assert halves is not None
    assert halves.by == ("hp.model", "hp.corruption")
    assert len(halves.rhos) == 2
    assert halves.median > 0.5
    assert compare_halves(zoo().drop(columns="hp.corruption"), {}) is None


def test_controls_take_no_part() -> None:
    """Hyperparameters as measures, oracles and random numbers are in every ranking."""
    report = rank(zoo(), bootstrap=0)
    assert set(directed(report)) == {"perfect", "reversed", "memory", "useless"} & set(directed(report))
    assert not [name for name in directed(report) if name.startswith(("hp.", "noisy_oracle"))]
    assert set(directed(report)) <= set(families(report))
