"""Noise of a submitted measure: which trials are made under other seeds, and what their scores say."""

import numpy as np
import pytest

from harness.checking.changes import CHANGES
from harness.checking.process import Answer
from harness.checking.seeds import NETWORKS, SEEDS, card_seed_trials, estimator_noise_of, zoo_seed_trials
from harness.checking.verdict import invariances
from harness.checking.zoo import check_zoo
from measures import Score

Key = tuple[str, ...]


def answer(key: Key, value: float) -> Answer:
    """The answer of one measure."""
    return Answer(key, {"mine": Score(value, "scored", 0.1, 1, "")})


def answered(spread: float) -> tuple[dict[Key, Answer], int]:
    """Answers on the check zoo of scores 0, 1, 2, ... with this spread between seeds, and the number of seed trials."""
    zoo = check_zoo()
    scores = {run_id: float(place) for place, run_id in enumerate(zoo.ledger["run_id"], 1)}
    answers: dict[Key, Answer] = {("zoo", name): answer(("zoo", name), score) for name, score in scores.items()}
    trials = 0
    for trial in zoo_seed_trials(zoo, answers):
        _, run_id, seed = trial.key
        answers[trial.key] = answer(trial.key, scores[run_id] + spread * float(seed))
        assert trial.parts.seed != zoo.parts(run_id).seed
        trials += 1
    return answers, trials


def test_the_noise_is_the_spread_over_seeds_over_that_over_networks() -> None:
    """Scores s, s + d, s + 2 d deviate by d; within a corruption the scores have their own spread."""
    answers, trials = answered(3.0)
    ledger = check_zoo().ledger
    own = [np.std(places, ddof=1) for places in ledger.groupby("hp.corruption").indices.values()]

    assert trials == len(own) * NETWORKS * len(SEEDS)
    assert estimator_noise_of("mine", answers, check_zoo()) == pytest.approx(np.median(3 / np.array(own)), rel=1e-9)


def test_a_measure_that_draws_nothing_costs_one_network_more() -> None:
    """Its noise is 0; without any trial it is not known."""
    answers, trials = answered(0.0)

    assert trials == len(SEEDS)
    assert estimator_noise_of("mine", answers, check_zoo()) == 0
    plain = {key: one for key, one in answers.items() if key[0] == "zoo"}
    assert estimator_noise_of("mine", plain, check_zoo()) is None


def test_a_change_within_the_noise_is_none() -> None:
    """Seeds move the score by a tenth: one by a twentieth is not seen, one by a fifth is. Without noise both are."""
    answers: dict[Key, Answer] = {}

    def add(key: Key, value: float) -> None:
        answers[key] = answer(key, value)

    for name in ("bias_free", "fitted"):
        add(("card", name, "before"), 1.0)
    for name in ("mlp", "conv_bn"):
        add(("contract", name, "plain"), 1.0)
    for change in CHANGES:
        add(("card", change, "after"), 1.05 if change in ("units", "folding") else 1.2)
    quiet = invariances("mine", answers)
    for trial in card_seed_trials(answers):
        add(trial.key, 1.1)
    noisy = invariances("mine", answers)

    assert not any(change.unseen for change in quiet.values())
    assert {name for name, change in noisy.items() if change.unseen} == {"units", "folding"}
    assert noisy["units"].noise == pytest.approx(0.1 / 1.1)
