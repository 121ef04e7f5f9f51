"""The split conformal rule: its coverage over ledgers, planted scores, refusals."""

import numpy as np
import pytest

from leaderboard.prediction.rule import Split
from leaderboard.statistics.undefined import UndefinedError


def test_coverage_of_new_networks() -> None:
    """Over 400 references of 40 networks, nine in ten new networks are covered and at most one in 21 more."""
    held = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        scores = rng.normal(size=60)
        target = np.tanh(scores) + rng.exponential(size=60)
        rule = Split(target[:40], np.arange(40), seed).rule(scores[:40])
        held.append(np.mean(np.abs(rule.predict(scores[40:]) - target[40:]) <= rule.half_width))
    error = np.std(held) / np.sqrt(len(held))

    assert 0.9 - 3 * error <= np.mean(held) <= 0.9 + 1 / 21 + 3 * error


def test_a_perfect_score_leaves_little_and_noise_as_much_as_none() -> None:
    """A score in any increasing scale predicts a uniform target; noise predicts its mean."""
    rng = np.random.default_rng(1)
    target = rng.uniform(size=400)
    split = Split(target, np.arange(400), 0)

    assert split.rule(np.exp(target)).half_width < 0.03
    assert split.rule(rng.normal(size=400)).half_width == pytest.approx(split.rule().half_width, rel=0.1)
    assert split.rule(target).error < split.rule().error


def test_networks_without_a_score_have_no_part() -> None:
    """Half of the networks have none: the rule is that of the others."""
    target = np.random.default_rng(2).uniform(size=100)
    scores = np.where(np.arange(100) % 2 == 0, target, np.nan)
    rule = Split(target, np.arange(100), 0).rule(scores)

    assert rule.networks == 50
    assert (rule.low, rule.high) == (target[::2].min(), target[::2].max())


def test_replicates_are_in_one_half() -> None:
    """Ten configurations in each half are few but enough; networks do not count."""
    configuration = np.repeat(np.arange(16), 5)
    target = np.random.default_rng(3).normal(size=80)

    with pytest.raises(
        UndefinedError, match="at least 5 configurations to fit and 9 to calibrate; the reference has 8"
    ):
        Split(target, configuration, 0).rule(target)
