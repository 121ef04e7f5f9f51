"""Measures of other seeds and other data, on nearest neighbours, of which everything is known, and trained networks."""

import itertools
import math

import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch import Tensor

from measures.api import Subject
from measures.catalogue.reruns.seed_stability import (
    ensemble_cace,
    f_cmi,
    inconsistency,
    instability,
    replace_one_stability,
)
from measures.passes.refits import Refits, logits_under, refits
from measures.training_history import Refitted
from tests.measures.learners import nearest_neighbour, points, surprise
from tests.measures.networks import network


def trained_again(subject: Subject) -> Refits:
    """The pass, with the need that the measures declare."""
    return refits(subject._with_needs(frozenset({"refit"})))


def answers(subject: Subject, fitted: Refitted, chosen: Tensor) -> list[int]:
    """Classes that a network gives to these training examples."""
    classes: list[int] = logits_under(subject, fitted, subject.inputs[chosen]).argmax(1).tolist()
    return classes


def divergence(p: list[float], q: list[float]) -> float:
    """Kullback-Leibler divergence in nats."""
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


@pytest.mark.parametrize("n", [60, 61])
def test_evaluated_information_is_that_of_its_table(n: int) -> None:
    """Both orders of every pair are written down, and scikit-learn takes the information of the table."""
    for subject in (nearest_neighbour(n), network("mlp").subject()):
        found = trained_again(subject)
        outcomes, chosen = [], []
        for side, (networks, half) in enumerate(zip(found.of_halves, found.halves, strict=True)):
            rest = found.halves[1 - side]
            for fitted in networks:
                own, other = answers(subject, fitted, half), answers(subject, fitted, rest)
                for i, j, a, b in zip(half, rest, own, other, strict=False):
                    right, unseen_right = a == int(subject.labels[i]), b == int(subject.labels[j])
                    outcomes += [(right, unseen_right), (unseen_right, right)]
                    chosen += [0, 1]
        codes = [2 * a + b for a, b in outcomes]

        assert f_cmi(subject) == pytest.approx(math.sqrt(2 * mutual_info_score(codes, chosen)), rel=1e-9)
        assert f_cmi(subject) > 0.3


def test_calibration_of_two_votes() -> None:
    """Votes of 0, 1/2 and 1 for each class, counted one by one on the other half."""
    for subject in (network("mlp").subject(), network("linear").subject()):
        found = trained_again(subject)
        k = subject.num_classes
        hits = dict.fromkeys((0.0, 0.5, 1.0), 0.0)
        votes = dict.fromkeys((0.0, 0.5, 1.0), 0.0)
        for side, networks in enumerate(found.of_halves):
            unseen = found.halves[1 - side]
            given = [answers(subject, fitted, unseen) for fitted in networks]
            for first, second, i in zip(*given, unseen, strict=True):
                for label in range(k):
                    q = ((first == label) + (second == label)) / 2
                    votes[q] += 1
                    hits[q] += int(subject.labels[i]) == label
        expected = sum(votes[q] * abs(hits[q] / votes[q] - q) for q in votes if votes[q]) / 36

        assert votes[0.5] > 0
        assert ensemble_cace(subject) == pytest.approx(expected, rel=1e-9)


def test_votes_that_always_agree() -> None:
    """Two neighbours that err on a share e claim certainty: e at q = 1, and e at q = 0."""
    subject = nearest_neighbour(60)
    found = trained_again(subject)
    errors = sum(
        a != int(subject.labels[i])
        for side in range(2)
        for a, i in zip(
            answers(subject, found.of_halves[side][0], found.halves[1 - side]), found.halves[1 - side], strict=True
        )
    )

    assert errors
    assert ensemble_cace(subject) == pytest.approx(2 * errors / 60)


def test_loss_of_what_was_left_out() -> None:
    """Sure and right with the example; by its neighbour without it."""
    subject = nearest_neighbour(60)
    left_out = trained_again(subject).left_out.tolist()
    changes = []
    for i in left_out:
        others = [j for j in range(60) if j not in left_out]
        nearest = min(others, key=lambda j: float((subject.inputs[i] - subject.inputs[j]).norm()))
        agrees = bool(subject.labels[nearest] == subject.labels[i])
        changes.append(surprise(right=agrees) - surprise(right=True))

    assert replace_one_stability(subject) == pytest.approx(sum(changes) / 6, rel=1e-9)
    assert 0 < sum(changes) < 6 * 3


def test_changes_of_either_sign_count() -> None:
    """Also an example that the network gets wrong with it and right without."""
    subject = nearest_neighbour(60)
    subject.model.load_state_dict({**subject.params, "answers": subject.params["answers"].roll(1, 1)})
    rolled = Subject(subject.model, subject.inputs, subject.labels, refit=subject._refit)
    found = trained_again(rolled)
    agree = [
        a == int(rolled.labels[i])
        for a, i in zip(answers(rolled, found.without, found.left_out), found.left_out, strict=True)
    ]

    expected = sum(3.0 if right else 0.0 for right in agree) / 6
    assert expected > 0
    assert replace_one_stability(rolled) == pytest.approx(expected, abs=1e-9)


def test_inconsistency_of_two_seeds() -> None:
    """Both divergences of the network and its twin, one input at a time."""
    data = network("mlp")
    total = 0.0
    for x in data.unlabeled:
        p, q = (net(x.unsqueeze(0)).softmax(1)[0].tolist() for net in (data.model, data.twin))
        total += (divergence(p, q) + divergence(q, p)) / 2

    assert inconsistency(data.subject()) == pytest.approx(total / len(data.unlabeled), rel=1e-9)


def test_instability_of_two_halves() -> None:
    """Both divergences of the mean probabilities of two seeds, one input at a time."""
    data = network("mlp")
    subject = data.subject()
    found = trained_again(subject)
    total = 0.0
    for x in data.unlabeled:
        means = [
            torch.stack([logits_under(subject, fitted, x.unsqueeze(0)).softmax(1)[0] for fitted in pair]).mean(0)
            for pair in found.of_halves
        ]
        total += sum(divergence(p.tolist(), q.tolist()) for p, q in itertools.permutations(means)) / 2

    assert instability(subject) == pytest.approx(total / len(data.unlabeled), rel=1e-9)


def test_networks_that_agree_are_stable() -> None:
    """With itself as its twin a network has no inconsistency."""
    inputs = points(20, seed=1)[0]
    subject = nearest_neighbour(60, unlabeled=inputs)
    itself = Subject(subject.model, subject.inputs, subject.labels, twin=subject.model, unlabeled=inputs)

    assert inconsistency(itself) == 0
