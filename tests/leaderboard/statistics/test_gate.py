"""The randomization gate against scikit-learn's area under the ROC curve and a loop over matched pairs."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from leaderboard.statistics.gate import areas, randomization_gate
from leaderboard.statistics.resampling import draw
from leaderboard.statistics.undefined import UndefinedError


def test_without_matches_it_is_the_area_under_the_roc_curve() -> None:
    """Over all pairs, with ties, where no two networks agree in the other hyperparameters."""
    rng = np.random.default_rng(0)
    random = rng.random(40) < 0.4
    scores = rng.integers(0, 6, 40) + 1.0 * random
    gate = randomization_gate(scores, random, np.arange(40), draw(40, 500, rng))

    assert gate.auc == pytest.approx(roc_auc_score(random, scores), abs=1e-12)
    assert (gate.matched, gate.true, gate.random) == (False, int((~random).sum()), int(random.sum()))
    assert gate.interval is not None
    assert gate.interval[0] < gate.auc < gate.interval[1]


def test_matched_it_compares_equal_settings_only() -> None:
    """A loop over pairs in the same setting, three replicates each; ties half."""
    rng = np.random.default_rng(1)
    random = np.tile([True, False], 24)
    setting = np.repeat(np.arange(8), 6)
    scores = rng.integers(0, 4, 48) + 5.0 * setting
    pairs = [
        (scores[a] > scores[b]) + 0.5 * (scores[a] == scores[b])
        for a in range(48)
        for b in range(48)
        if random[a] and not random[b] and setting[a] == setting[b]
    ]
    gate = randomization_gate(scores, random, setting, draw(8, 0, rng))

    assert len(pairs) == 8 * 9
    assert gate.auc == pytest.approx(np.mean(pairs), abs=1e-12)
    assert gate.matched
    assert gate.interval is None


def test_matching_sees_through_a_confounder() -> None:
    """Depth moves the score far more than the labels do; within a depth random labels always score higher."""
    depth = np.repeat(np.arange(10), 2)
    random = np.tile([True, False], 10)
    scores = 100.0 * depth + random

    gate = randomization_gate(scores, random, depth, draw(10, 200, np.random.default_rng(0)))

    assert gate.auc == 1
    assert gate.interval == pytest.approx((0.025**0.1, 1), abs=0.01)  # ten settings, all won
    assert roc_auc_score(random, scores) < 0.6


def test_the_score_is_raw() -> None:
    """Turning the score turns the area: the expected sign is the reader's to apply."""
    random = np.array([True, True, False, False])
    scores = np.array([3.0, 2.0, 1.0, 0.0])
    same = np.zeros(4, dtype=np.int64)
    areas = [randomization_gate(s, random, same, draw(1, 0, np.random.default_rng(0))).auc for s in (scores, -scores)]

    assert areas == [1, 0]


def test_the_interval_covers() -> None:
    """One pair in each of 40 settings, won with chance 0.7: the interval is the binomial's, and holds 0.7 mostly."""
    rng = np.random.default_rng(2)
    random, setting = np.tile([True, False], 40), np.repeat(np.arange(40), 2)
    held, widths = 0, []
    for _ in range(200):
        won = rng.random(40) < 0.7
        scores = np.where(random, np.repeat(won, 2), 0.5)
        gate = randomization_gate(scores, random, setting, draw(40, 300, rng))
        assert gate.interval is not None
        held += gate.interval[0] <= 0.7 <= gate.interval[1]
        widths.append(gate.interval[1] - gate.interval[0])

    assert 0.89 <= held / 200 <= 0.99
    assert np.mean(widths) == pytest.approx(2 * 1.96 * np.sqrt(0.7 * 0.3 / 40), rel=0.1)


def test_a_missing_class_is_refused() -> None:
    """There is nothing to tell apart."""
    with pytest.raises(UndefinedError, match="random labels"):
        randomization_gate(
            np.ones(2), np.zeros(2, np.bool_), np.zeros(2, np.int64), draw(1, 0, np.random.default_rng())
        )
    with pytest.raises(UndefinedError, match="true labels"):
        randomization_gate(np.ones(2), np.ones(2, np.bool_), np.zeros(2, np.int64), draw(1, 0, np.random.default_rng()))


@pytest.mark.parametrize("matched", [True, False])
def test_a_resample_is_the_area_of_the_networks_drawn(*, matched: bool) -> None:
    """With ties: a setting drawn twice is there twice; matched pairs are those of one setting."""
    rng = np.random.default_rng(4)
    random = rng.random(60) < 0.5
    setting = np.repeat(np.arange(15), 4)
    if not matched:  # each setting has one kind of labels only
        random = setting % 2 == 0
    scores = rng.integers(0, 5, 60).astype(np.float64)
    for count in draw(15, 10, rng):
        won = met = 0.0
        for a in np.flatnonzero(random):
            for b in np.flatnonzero(~random):
                if setting[a] == setting[b] or not matched:
                    weight = count[setting[a]] if matched else count[setting[a]] * count[setting[b]]
                    won += weight * ((scores[a] > scores[b]) + 0.5 * (scores[a] == scores[b]))
                    met += weight
        (found,), _, same = areas(scores, random, setting, count[None])
        assert found == pytest.approx(won / met, abs=1e-12)
        assert same == matched
