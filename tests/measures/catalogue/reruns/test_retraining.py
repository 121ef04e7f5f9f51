"""Measures of fitting noise, on nearest neighbours, of which everything is known, and on trained networks."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.reruns.retraining import (
    noise_fit_speed,
    prequential_mdl,
    ref_complexity,
    rrm_memorization,
    rrm_robustness,
)
from measures.passes.refits import Refits, logits_under, refits
from measures.training_history import Checkpoint, Refitted, Training, Trajectory
from tests.measures.learners import CLASSES, nearest_neighbour, refit_of, surprise
from tests.measures.networks import network

CLASSES_LOSS = math.log(CLASSES)


def trained_again(subject: Subject) -> Refits:
    """The pass, with the need that the measures declare."""
    return refits(subject._with_needs(frozenset({"refit"})))


def curve(losses: list[float], checkpoints: tuple[Checkpoint, ...] = ()) -> Trajectory:
    """A trajectory of these losses, ten steps an epoch."""
    return Trajectory(
        checkpoints=checkpoints, losses=losses, learning_rates=[0.1] * len(losses), steps_per_epoch=10, batch_size=6
    )


def test_a_nearest_neighbour_learns_noise_by_heart() -> None:
    """It loses exactly the wrong labels, and is right nowhere else: 10 of 200."""
    subject = nearest_neighbour(200)

    assert rrm_robustness(subject) == pytest.approx(10 / 200)
    assert rrm_memorization(subject) == pytest.approx(190 / 200)


def test_gaps_of_a_trained_network() -> None:
    """Against the definitions, example by example."""
    subject = network("mlp").subject()
    found = trained_again(subject)
    answers = logits_under(subject, found.noisy, subject.inputs).argmax(1)
    right = [int(a) == int(y) for a, y in zip(answers, subject.labels, strict=True)]
    corrupted = [int(a) != int(y) for a, y in zip(found.noisy_labels, subject.labels, strict=True)]
    clean = float((subject.logits_of(subject.inputs).argmax(1) == subject.labels).double().mean())
    of_corrupted = [r for r, c in zip(right, corrupted, strict=True) if c]

    assert sum(corrupted) == 2
    assert rrm_robustness(subject) == pytest.approx(max(0, clean - sum(right) / 36))
    assert rrm_memorization(subject) == pytest.approx(max(0, sum(right) / 36 - sum(of_corrupted) / 2))


def test_gaps_are_never_negative() -> None:
    """A network worse than the one trained with noise has no robustness gap."""
    subject = nearest_neighbour(60)
    wrong = {**subject.params, "answers": subject.params["answers"].roll(1, 1)}
    subject.model.load_state_dict(wrong)

    assert rrm_robustness(Subject(subject.model, subject.inputs, subject.labels, refit=refit_of())) == 0


def test_speed_of_fitting_noise() -> None:
    """Exponentials, of which noise decays a third as fast: three times as many steps, at 0.1 if both come so far."""

    def losses(rate: float, epochs: int) -> list[float]:
        return [CLASSES_LOSS * math.exp(-rate * 10 * (epoch + 0.5)) for epoch in range(epochs)]

    slow = refit_of(losses=lambda _: losses(0.01, 60))
    subject = nearest_neighbour(60, slow, trajectory=curve(losses(0.03, 60)))
    assert noise_fit_speed(subject) == pytest.approx(3, rel=1e-9)

    short = nearest_neighbour(60, refit_of(losses=lambda _: losses(0.01, 5)), trajectory=curve(losses(0.03, 60)))
    assert noise_fit_speed(short) == pytest.approx(3, rel=1e-9), "at the lowest loss that both reach"


def test_the_level_of_that_speed() -> None:
    """Curves that meet at 0.1 and nowhere else tell at which loss they are compared."""
    own, noise = curve([0.1, 0.01, 0.001]), [1.0, 0.1, 0.05]
    subject = nearest_neighbour(60, refit_of(losses=lambda _: noise), trajectory=own)

    assert noise_fit_speed(subject) == pytest.approx(15 / 5)


def test_noise_that_is_not_fitted_is_refused() -> None:
    """No speed where the loss stays that of a guess."""
    subject = nearest_neighbour(60, refit_of(losses=lambda _: [2.0, 1.5]), trajectory=curve([1.0, 0.1]))
    with pytest.raises(UnsupportedModelError, match="were not fitted"):
        noise_fit_speed(subject)


def test_relative_fitting_degree() -> None:
    """What is left after the shorter training, each relative to its start."""
    data = network("mlp")
    subject = data.subject()
    found = trained_again(subject)
    start = data.trajectory().checkpoints[0]
    logits = torch.func.functional_call(data.model, {**start.buffers, **start.params}, (data.inputs,))
    own = data.trajectory().losses[-1] / float(cross_entropy(logits, data.labels))
    noise = found.random.losses[-1] / float(cross_entropy(logits, found.random_labels))

    assert ref_complexity(subject) == pytest.approx(own / noise, rel=1e-9)


@pytest.mark.parametrize(
    ("own", "noise", "ratio"), [([0.7, 0.2], [1.0, 0.8, 0.5], 0.2 / 0.8), ([0.7, 0.2, 0.1], [1.0, 0.8], 0.2 / 0.8)]
)
def test_relative_fitting_degree_of_unequal_trainings(own: list[float], noise: list[float], ratio: float) -> None:
    """The epoch is the last of the shorter one."""
    start = Checkpoint(step=0, epoch=0, params=nearest_neighbour(60).params)
    refit = refit_of(losses=lambda _: noise)
    subject = nearest_neighbour(60, refit, trajectory=curve(own, (start,)))
    right = float((trained_again(subject).random_labels == subject.labels).double().mean())
    at_start = right * surprise(right=True) + (1 - right) * surprise(right=False)

    assert ref_complexity(subject) == pytest.approx(ratio * at_start / surprise(right=True), rel=1e-9)


def test_prequential_code_length() -> None:
    """The first eighth at log2 k, each later part by the neighbours among those before, one example at a time."""
    subject = nearest_neighbour(61)
    order = trained_again(subject).order.tolist()
    bits = 7 * math.log2(CLASSES)
    for low, high in ((7, 15), (15, 30), (30, 61)):
        known = order[:low]
        for i in order[low:high]:
            distances = [float((subject.inputs[i] - subject.inputs[j]).norm()) for j in known]
            nearest = known[distances.index(min(distances))]
            bits += surprise(right=bool(subject.labels[nearest] == subject.labels[i])) / math.log(2)

    assert prequential_mdl(subject) == pytest.approx(bits / 61, rel=1e-9)
    assert prequential_mdl(subject) > math.log2(CLASSES), "labels at random cannot be compressed"


def test_missing_curves_are_refused() -> None:
    """Neither speed nor degree of fitting without losses."""
    for measure in (noise_fit_speed, ref_complexity):
        with pytest.raises(UnsupportedModelError, match="no losses"):
            measure(nearest_neighbour(60, trajectory=curve([])))
        with pytest.raises(UnsupportedModelError, match="no losses"):
            measure(nearest_neighbour(60, refit_of(losses=lambda _: []), trajectory=curve([1.0])))


def test_an_exact_fit_of_noise_is_refused() -> None:
    """A ratio to zero is none."""
    data = network("mlp")
    trajectory = replace(data.trajectory(), losses=[1.0])

    def exact(trainings: Sequence[Training]) -> list[Refitted]:
        return [replace(fitted, losses=[0.0]) for fitted in data.refit(trainings)]

    subject = Subject(data.model, data.inputs, data.labels, trajectory=trajectory, refit=exact)
    with pytest.raises(UnsupportedModelError, match="exactly zero"):
        ref_complexity(subject)
