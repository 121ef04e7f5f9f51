"""Outputs against one example at a time."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from measures.api import Subject
from measures.catalogue.outputs.confidence import (
    brier,
    confidence,
    label_surprise,
    logit_norm,
    neg_entropy,
    train_classwise_ece,
    train_ece,
)


def answers(subject: Subject) -> list[list[float]]:
    """Logits, one example at a time."""
    return [subject.model(x.unsqueeze(0))[0].tolist() for x in subject.inputs]


def probabilities(subject: Subject) -> list[list[float]]:
    """Softmax in plain Python."""
    found = []
    for logits in answers(subject):
        powers = [math.exp(z) for z in logits]
        found.append([p / sum(powers) for p in powers])
    return found


def calibration_error(claims: list[float], hits: list[bool]) -> float:
    """The definition, bin by bin."""
    total = 0.0
    for b in range(15):
        inside = [i for i, p in enumerate(claims) if b / 15 < p <= (b + 1) / 15 or p == b == 0]
        if inside:
            share = sum(hits[i] for i in inside) / len(inside)
            total += len(inside) / len(claims) * abs(share - sum(claims[i] for i in inside) / len(inside))
    return total


def test_entropy_confidence_and_logit_norm(mlp: Subject) -> None:
    """Sums in plain Python."""
    p, z = probabilities(mlp), answers(mlp)

    assert neg_entropy(mlp) == pytest.approx(np.mean([sum(q * math.log(q) for q in row) for row in p]), rel=1e-10)
    assert confidence(mlp) == pytest.approx(np.mean([max(row) for row in p]), rel=1e-10)
    norms = [math.sqrt(sum((a - sum(row) / len(row)) ** 2 for a in row)) for row in z]
    assert logit_norm(mlp) == pytest.approx(np.mean(norms), rel=1e-10)


def test_calibration_errors(mlp: Subject) -> None:
    """Bin by bin, of the prediction and of every class."""
    p, labels = probabilities(mlp), mlp.labels.tolist()
    claims = [max(row) for row in p]
    hits = [row.index(max(row)) == y for row, y in zip(p, labels, strict=True)]
    classes = [calibration_error([row[k] for row in p], [y == k for y in labels]) for k in range(10)]

    assert train_ece(mlp) == pytest.approx(calibration_error(claims, hits), rel=1e-10)
    assert train_classwise_ece(mlp) == pytest.approx(np.mean(classes), rel=1e-10)


def test_a_calibrated_network_has_no_calibration_error() -> None:
    """Probability 3/4 for a class that is right three times in four."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(2, 2)).double()
    torch.nn.init.zeros_(network[1].weight)  # type: ignore[arg-type]
    network[1].bias.data = torch.tensor([math.log(3.0), 0.0], dtype=torch.float64)
    subject = Subject(network, torch.ones(4, 1, 1, 2).double(), torch.tensor([0, 0, 0, 1]))

    assert train_ece(subject) == pytest.approx(0, abs=1e-12)
    assert train_classwise_ece(subject) == pytest.approx(0, abs=1e-12)
    assert brier(subject) == pytest.approx((3 * 2 * 0.25**2 + 2 * 0.75**2) / 4, rel=1e-12)
    assert train_ece(Subject(network, subject.inputs, torch.ones(4).long())) == pytest.approx(0.75)


def test_brier_and_the_hardest_tenth(mlp: Subject) -> None:
    """Four of 36 examples are the hardest tenth; the mean of all losses is scikit-learn's."""
    p, labels = probabilities(mlp), mlp.labels.tolist()
    distances = [sum((q - (k == y)) ** 2 for k, q in enumerate(row)) for row, y in zip(p, labels, strict=True)]
    losses = [-math.log(row[y]) for row, y in zip(p, labels, strict=True)]

    assert np.mean(losses) == pytest.approx(log_loss(labels, p, labels=range(10)))
    assert brier(mlp) == pytest.approx(np.mean(distances), rel=1e-10)
    assert label_surprise(mlp) == pytest.approx(np.mean(sorted(losses)[-4:]), rel=1e-10)
