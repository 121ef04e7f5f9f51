"""Margins over k-variances by enumeration of all matchings, and of features whose k-variance is known."""

from itertools import permutations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from measures.api import Measure, Subject, UnsupportedModelError
from measures.catalogue.outputs import transport_margins
from measures.catalogue.outputs.transport_margins import (
    Layer,
    k_variances,
    kv_gn_margin_first,
    kv_gn_margin_last,
    kv_margin_first,
    kv_margin_last,
    transport_cost,
)

Array = NDArray[np.float64]


def margins_and_slopes(subject: Subject, end: int) -> tuple[Array, Array]:
    """Margins [n] and the norms [n] of their gradients at the activation behind `end` modules, one at a time."""
    parts = list(subject.model.children())
    order = subject.sample(subject.num_examples)
    margins, slopes = [], []
    for x, y in zip(subject.inputs[order], subject.labels[order].tolist(), strict=True):
        h = nn.Sequential(*parts[:end])(x.unsqueeze(0)).detach().requires_grad_()
        answer = nn.Sequential(*parts[end:])(h)[0]
        margin = answer[y] - torch.cat([answer[:y], answer[y + 1 :]]).max()
        (gradient,) = torch.autograd.grad(margin, h)
        margins.append(float(margin.detach()))
        slopes.append(float(gradient.norm()))
    return np.array(margins), np.array(slopes)


def test_as_published_but_for_the_draws(mlp: Subject) -> None:
    """Both ratios from the k-variances, with the median of numpy."""
    found = k_variances(mlp)
    assert float(found.shares.sum()) == pytest.approx(1)
    cases: list[tuple[Layer, int, Measure, Measure]] = [
        ("first", 3, kv_margin_first, kv_gn_margin_first),
        ("last", 5, kv_margin_last, kv_gn_margin_last),
    ]
    for which, end, kv, kv_gn in cases:
        margins, slopes = margins_and_slopes(mlp, end)
        variances, shares = found.variances[which].numpy(), found.shares.numpy()
        largest = np.array([slopes[mine.numpy()].max() for mine in found.members])
        assert kv(mlp) == pytest.approx(np.median(margins) / (shares @ (variances * largest)), rel=1e-6)
        assert kv_gn(mlp) == pytest.approx(np.median(margins / (slopes + 1e-6)) / (shares @ variances), rel=1e-6)


def test_matchings_one_by_one() -> None:
    """The cheapest of all 24 matchings of four with four; of nine examples one stays out."""
    points = np.random.default_rng(0).normal(size=(9, 3))
    gaps = np.linalg.norm(points[:, None] - points[None, :], axis=2)
    order = [3, 1, 7, 0, 8, 2, 5, 4, 6]
    costs = [np.mean([gaps[order[a], order[4 + b]] for a, b in enumerate(match)]) for match in permutations(range(4))]

    assert transport_cost(torch.from_numpy(gaps), torch.tensor(order)) == pytest.approx(min(costs), rel=1e-12)


def test_a_class_on_two_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of it at either of two points d apart: d times the difference of the shares of the halves at one of them."""
    monkeypatch.setattr(transport_margins, "NUM_DRAWS", 2000)
    inputs = torch.tensor([[1.0], [1], [4], [4]]).double()
    identity = nn.Linear(1, 1, bias=False)
    identity.weight.data.fill_(1)
    subject = Subject(nn.Sequential(identity, nn.ReLU(), nn.Linear(1, 2)).double(), inputs, torch.zeros(4).long())

    # Of the three divisions into pairs one has both of a point together, at cost 3; in the others nothing is moved.
    for variance in k_variances(subject).variances.values():
        assert float(variance[0]) == pytest.approx(1, rel=0.1)


def test_classes_without_halves_are_refused(mlp: Subject, linear: Subject) -> None:
    """One example of each class; features that are all the same; no hidden layer."""
    alone = Subject(mlp.model, mlp.inputs[:3], torch.arange(3))
    with pytest.raises(UnsupportedModelError, match="two examples"):
        kv_margin_first(alone)
    same = Subject(mlp.model, mlp.inputs[:1].repeat(4, 1, 1, 1), torch.zeros(4).long())
    with pytest.raises(UnsupportedModelError, match="do not vary"):
        kv_gn_margin_last(same)
    with pytest.raises(UnsupportedModelError, match="hidden layer"):
        kv_margin_last(linear)
