"""Shapes of clouds whose shape is known, noise whose law is known, and both by transcription on networks."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import levy_stable
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError, seed_for
from measures.catalogue.representation import topology
from measures.catalogue.representation.topology import (
    e_alpha,
    e_alpha_loss,
    homology_dimension,
    loss_distances,
    magnitude,
    ph_dim,
    positive_magnitude,
    spanning_tree,
    stable_index,
    tail_index,
)
from measures.passes.perturbations.sgd_cloud import descents, distances
from tests.measures.networks import network

Array = NDArray[np.float64]


def between(points: Array) -> Array:
    """Distances [m, m]."""
    return np.asarray(cdist(points, points))


def grown_tree(lengths: Array) -> float:
    """Prim's algorithm: the nearest point outside is added, one after the other."""
    inside, outside, total = [0], list(range(1, len(lengths))), 0.0
    while outside:
        i, j = min(((i, j) for i in inside for j in outside), key=lambda pair: lengths[pair])
        total += lengths[i, j]
        inside.append(j)
        outside.remove(j)
    return total


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_dimension_of_a_cube(dimensions: int) -> None:
    """Points spread evenly over a cube have its dimension, nearly."""
    points = np.random.default_rng(dimensions).uniform(size=(800, dimensions))

    found = homology_dimension(between(points)[None], np.random.default_rng(0))
    assert found == pytest.approx(dimensions, rel=0.12)


def test_dimension_follows_the_growth_of_the_tree() -> None:
    """The slope of least squares over seven sizes, the last of which takes all points."""
    points = np.random.default_rng(0).normal(size=(3, 64, 4))
    clouds = np.stack([between(cloud) for cloud in points])
    generator = np.random.default_rng(3)
    x, y = [], []
    for size in (16, 24, 32, 40, 48, 56, 64):
        totals = []
        for lengths in clouds:
            for _ in range(2):
                draw = generator.permutation(64)[:size]
                totals.append(grown_tree(lengths[np.ix_(draw, draw)]))
        x.append(math.log(size))
        y.append(math.log(sum(totals) / len(totals)))
    dx = [a - sum(x) / 7 for a in x]
    slope = sum(a * b for a, b in zip(dx, y, strict=True)) / sum(a * a for a in dx)

    assert homology_dimension(clouds, np.random.default_rng(3)) == pytest.approx(1 / (1 - slope), rel=1e-9)
    assert homology_dimension(clouds * 1e-6, np.random.default_rng(3)) == pytest.approx(1 / (1 - slope), rel=1e-9)


def test_clouds_without_a_dimension() -> None:
    """All in one place, or all equally far apart, where the tree grows as their number."""
    assert homology_dimension(np.zeros((2, 64, 64)), np.random.default_rng(0)) is None
    assert homology_dimension(1 - np.eye(64)[None], np.random.default_rng(0)) is None


def test_spanning_tree_of_points_on_a_line() -> None:
    """From end to end, also where points coincide."""
    points = np.array([[0.0], [5.0], [1.0], [1.0], [9.0]])

    assert sorted(spanning_tree(between(points))) == [0.0, 1.0, 4.0, 4.0]


def test_magnitude_of_two_points() -> None:
    """Two points at distance d are 2 / (1 + exp(-s d)) points."""
    for distance in (0.001, 0.5, 30.0):
        lengths = np.array([[0.0, distance], [distance, 0.0]])
        assert positive_magnitude(lengths, 3.0) == pytest.approx(2 / (1 + math.exp(-3 * distance)), rel=1e-9)


def test_magnitude_of_a_line() -> None:
    """Of points in a row it is 1 + sum tanh(s d / 2) over the gaps (Leinster 2013); coincident points count once."""
    places = np.array([0.0, 0.3, 1.1, 1.1, 4.0])
    expected = 1 + sum(math.tanh(2 * gap / 2) for gap in np.diff(places))

    assert positive_magnitude(between(places[:, None]), 2.0) == pytest.approx(expected, rel=1e-9)


def test_only_positive_weights_count() -> None:
    """A hub with many leaves has a negative weight: Z beta = 1 by symmetry in closed form."""
    leaves, a, b = 30, math.exp(-1.0), math.exp(-2.0)  # a from hub to leaf, b from leaf to leaf
    lengths = np.full((leaves + 1, leaves + 1), 2.0)
    lengths[0] = lengths[:, 0] = 1.0
    np.fill_diagonal(lengths, 0.0)
    of_leaf = (1 - a) / (1 + (leaves - 1) * b - leaves * a * a)
    hub = 1 - leaves * a * of_leaf

    assert hub < 0
    assert positive_magnitude(lengths, 1.0) == pytest.approx(leaves * of_leaf, rel=1e-9)


def iterates(subject: Subject) -> Array:
    """Distances of the pass, with the need that the measures declare."""
    return distances(subject._with_needs(frozenset({"trajectory"})))


def test_measures_of_the_cloud_of_a_network() -> None:
    """Each is the mean of those of the clouds, the magnitude at the scale of the root of n."""
    data = network("conv_bn")
    small_batches = replace(data.trajectory(), batch_size=4)
    subject = Subject(data.model, data.inputs, data.labels, trajectory=small_batches)
    clouds = iterates(subject)
    trees, magnitudes = [], []
    for lengths in clouds:
        weights = np.linalg.solve(np.exp(-6 * lengths), np.ones(len(lengths)))
        trees.append(grown_tree(lengths))
        magnitudes.append(weights[weights > 0].sum())

    assert len(set(trees)) == len(clouds)
    assert e_alpha(subject) == pytest.approx(np.mean(trees), rel=1e-9)
    assert magnitude(subject) == pytest.approx(np.mean(magnitudes), rel=1e-6)
    generator = np.random.default_rng(seed_for(0, "subsets"))
    assert ph_dim(subject) == homology_dimension(clouds, generator)


def test_distances_of_losses() -> None:
    """Of two examples, by hand; and the tree of each descent of a network."""
    losses = np.array([[0.0, 1.0], [2.0, 1.0], [2.0, 4.0]])
    assert loss_distances(losses) == pytest.approx(np.array([[0, 1, 2.5], [1, 0, 1.5], [2.5, 1.5, 0]]))

    data = network("conv_bn")
    subject = Subject(data.model, data.inputs, data.labels, trajectory=replace(data.trajectory(), batch_size=4))
    kept = descents(subject._with_needs(frozenset({"trajectory"}))).losses
    trees = [grown_tree(cdist(chain, chain, "cityblock") / 36) for chain in kept]
    assert kept.shape == (2, 8, 36)
    assert trees[0] != pytest.approx(trees[1])
    assert e_alpha_loss(subject) == pytest.approx(np.mean(trees), rel=1e-9)


def test_a_cloud_without_a_dimension_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no number for it."""
    monkeypatch.setattr(topology, "distances", lambda _: 1 - np.eye(64)[None])
    with pytest.raises(UnsupportedModelError, match="does not grow"):
        ph_dim(network("mlp").subject())


@pytest.mark.parametrize(("alpha", "dimensions"), [(2.0, 1), (1.5, 1), (1.0, 1), (0.7, 1), (2.0, 40)])
def test_index_of_stable_variables(alpha: float, dimensions: int) -> None:
    """SciPy's stable variables and their sums by eight; for Gaussian vectors too."""
    X = levy_stable(alpha, 0.0).rvs(size=(16000, dimensions), random_state=np.random.default_rng(0))
    Y = X.reshape(-1, 8, dimensions).sum(1)
    norms = [np.linalg.norm(values, axis=1) for values in (X, Y)]

    assert stable_index(norms[0], norms[1], 8) == pytest.approx(alpha, rel=0.05)


def single_gradients(subject: Subject, chosen: torch.Tensor) -> torch.Tensor:
    """Gradients [s, p] one example after the other."""
    rows = []
    for i in chosen.tolist():
        params = {name: p.detach().requires_grad_() for name, p in subject.params.items()}
        loss = cross_entropy(subject.forward(params, subject.inputs[i : i + 1]), subject.labels[i : i + 1])
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(params.values()))]))
    return torch.stack(rows)


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_tail_index_of_a_network(name: str) -> None:
    """Of 36 examples 32 make four sums, in each of 64 divisions of them."""
    subject = network(name).subject()
    X = single_gradients(subject, subject.sample(36))
    X = X - X.mean(0)
    order = torch.rand(64, 36, generator=subject.generator("groups", 8)).argsort(1)
    sums = torch.stack([X[row[8 * j : 8 * j + 8]].sum(0) for row in order for j in range(4)])
    growth = float((sums.norm(dim=1).log().mean() - X.norm(dim=1).log().mean()) / math.log(8))

    assert tail_index(subject) == pytest.approx(1 / growth, rel=1e-8)


def test_noise_without_a_law_is_refused() -> None:
    """Sums no larger than their parts; gradients that are all the same; too few of them."""
    with pytest.raises(UnsupportedModelError, match="no larger"):
        stable_index(np.ones(16), np.full(2, 0.5), 8)
    with pytest.raises(UnsupportedModelError, match="zero at some training example"):
        stable_index(np.zeros(16), np.zeros(2), 8)
    data = network("mlp")
    with pytest.raises(UnsupportedModelError, match="at least 16 training examples; it has 15"):
        tail_index(Subject(data.model, data.inputs[:15], data.labels[:15]))
    same = Subject(data.model, data.inputs[:1].expand(16, -1, -1, -1), data.labels[:1].expand(16))
    with pytest.raises(UnsupportedModelError, match="zero at some training example"):
        tail_index(same)
