"""Label variation: graphs that can be drawn, and edges one at a time."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.representation.label_variation import nearest, variation, vpm, vr, wcv
from measures.passes.activations.features import features


def laplacian_variation(points: np.ndarray, labels: np.ndarray) -> float:
    """tr(Y^T L Y) / n with the normalised Laplacian, entry by entry."""
    n = len(points)
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    joined = np.zeros((n, n))
    for i in range(n):
        gaps = [float(np.linalg.norm(unit[i] - unit[j])) if j != i else math.inf for j in range(n)]
        for j in range(n):
            if gaps[j] == min(gaps):
                joined[i, j] = joined[j, i] = 1
    degree = joined.sum(1)
    laplacian = np.eye(n) - joined / np.sqrt(np.outer(degree, degree))
    return float(np.trace(labels.T @ laplacian @ labels) / n)


def test_worst_case_variation(mlp: Subject) -> None:
    """The worse of the two activations in the last third; unlike labels of neighbours count."""
    found = features(mlp)
    hot = np.eye(10)[found.labels.numpy()]
    each = [laplacian_variation(points.numpy(), hot) for points in found.late]

    assert len(set(each)) == 2
    assert wcv(mlp) == pytest.approx(max(each), rel=1e-9)


def test_variation_rate(mlp: Subject) -> None:
    """Weighted edges to the twenty nearest by cosine, of three representations."""
    found = features(mlp)
    labels = found.labels.tolist()
    shares = []
    for points in (*found.late, found.logits):
        unit = points.numpy() / np.maximum(np.linalg.norm(points.numpy(), axis=1, keepdims=True), 1e-12)
        similarity = np.clip(unit @ unit.T, 0, 1)
        total = between = 0.0
        ranks = [sorted((j for j in range(36) if j != i), key=lambda j, i=i: -similarity[i, j])[:20] for i in range(36)]  # type: ignore[misc]
        for i in range(36):
            for j in range(36):
                if j in ranks[i] or i in ranks[j]:
                    total += similarity[i, j]
                    between += similarity[i, j] * (labels[i] != labels[j])
        shares.append(between / total)

    expected = (abs(shares[1] - shares[0]) + abs(shares[2] - shares[1])) / 2
    assert vr(mlp) == pytest.approx(expected, rel=1e-6)


def test_variation_with_mixup(mlp: Subject) -> None:
    """The draws of the measure: shares of Beta(2, 2), permutations; features and labels mixed alike."""
    order = mlp.sample(36)
    x, y = mlp.inputs[order], np.eye(10)[mlp.labels[order].numpy()]
    generator = mlp.generator("vpm")
    expected = []
    for _ in range(4):
        share = torch.rand(36, 3, generator=generator).double().median(1).values
        partner = torch.randperm(36, generator=generator)
        mixed = share.reshape(-1, 1, 1, 1) * x + (1 - share).reshape(-1, 1, 1, 1) * x[partner]
        points = nn.Sequential(*list(mlp.model.children())[:5])(mixed).numpy()
        weight = share.numpy()[:, None]
        expected.append(laplacian_variation(points, weight * y + (1 - weight) * y[partner.numpy()]))

    assert len(set(expected)) > 1
    assert vpm(mlp) == pytest.approx(np.mean(expected), rel=1e-9)


def test_the_median_of_three_is_beta() -> None:
    """Mean 1/2 and variance 1/20, as Beta(2, 2) has."""
    draws = torch.rand(40000, 3, generator=torch.Generator().manual_seed(0)).median(1).values

    assert float(draws.mean()) == pytest.approx(1 / 2, abs=0.006)
    assert float(draws.var()) == pytest.approx(1 / 20, rel=0.05)


def test_neighbours_of_other_labels() -> None:
    """Two pairs of neighbours: alike they do not vary; unlike each pair varies by two halves and four in all."""
    points = torch.tensor([[1, 0.01], [1, -0.01], [0.01, 1], [-0.01, 1]])
    alike, unlike = torch.eye(2)[[0, 0, 1, 1]].double(), torch.eye(2)[[0, 1, 0, 1]].double()

    assert variation(points, alike) == pytest.approx(0, abs=1e-12)
    assert variation(points, unlike) == pytest.approx(1)


def test_nearest_in_either_direction() -> None:
    """Points 0, 1, 3 of a line: the last has the middle one as its nearest, which has the first."""
    gaps = torch.tensor([0.0, 1, 3])

    assert nearest(-(gaps[:, None] - gaps).abs(), 1).int().tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert nearest(-(gaps[:, None] - gaps).abs(), 20).int().tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]


def test_a_point_alone_has_no_neighbours(mlp: Subject) -> None:
    """One example is refused."""
    for measure in (vr, wcv, vpm):
        with pytest.raises(UnsupportedModelError, match="at least two examples"):
            measure(Subject(mlp.model, mlp.inputs[:1], mlp.labels[:1]))
