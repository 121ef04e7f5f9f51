"""Features of known geometry, scikit-learn for the clusters, and loops."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import davies_bouldin_score
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.representation.representation import (
    cdnv,
    davies_bouldin,
    feature_effective_rank,
    intrinsic_dimension,
    nc1,
    two_nn_slope,
)
from measures.passes.activations.features import features
from tests.measures.networks import network


def with_features(points: Tensor, labels: list[int]) -> Subject:
    """A network of one layer, whose features are its inputs [n, d]."""
    return Subject(nn.Linear(points.shape[1], max(*labels, 1) + 1).double(), points.double(), torch.tensor(labels))


def by_class(points: np.ndarray, labels: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The points of each class and their mean."""
    groups = [points[labels == k] for k in np.unique(labels)]
    return groups, [group.mean(0) for group in groups]


def test_davies_bouldin_is_that_of_scikit_learn(mlp: Subject, conv_bn: Subject) -> None:
    """Of hidden vectors and of pooled maps."""
    for subject in (mlp, conv_bn):
        parts = list(subject.model.children())
        first = nn.Sequential(*parts[: 3 if subject is mlp else 4])(subject.inputs)
        points = first if first.dim() == 2 else nn.functional.max_pool2d(first, 4).flatten(1)

        expected = davies_bouldin_score(points.numpy(), subject.labels.numpy())
        assert davies_bouldin(subject) == pytest.approx(expected, rel=1e-10)


def test_class_distance_normalised_variance(mlp: Subject) -> None:
    """Pair by pair."""
    found = features(mlp)
    groups, means = by_class(found.penultimate.numpy(), found.labels.numpy())
    variances = [((g - m) ** 2).sum(1).mean() for g, m in zip(groups, means, strict=True)]
    pairs = [(a, b) for a in range(len(means)) for b in range(len(means)) if a != b]
    terms = [(variances[a] + variances[b]) / (2 * ((means[a] - means[b]) ** 2).sum()) for a, b in pairs]

    assert cdnv(mlp) == pytest.approx(np.mean(terms), rel=1e-10)


def test_neural_collapse(mlp: Subject) -> None:
    """Covariances and pseudo-inverse of numpy; ten classes in eight dimensions."""
    found = features(mlp)
    groups, means = by_class(found.penultimate.numpy(), found.labels.numpy())
    within = sum((g - m).T @ (g - m) for g, m in zip(groups, means, strict=True)) / 36
    centred = np.stack(means) - np.mean(means, 0)
    between = centred.T @ centred / len(means)

    assert nc1(mlp) == pytest.approx(np.trace(within @ np.linalg.pinv(between, rcond=1e-8)) / len(means), rel=1e-8)


def test_collapsed_and_separated_classes() -> None:
    """Two classes at distance 2 with variance 1/4 across: every number by hand."""
    points = torch.tensor([[-1, 0.5], [-1, -0.5], [1, 0.5], [1, -0.5]])
    subject = with_features(points, [0, 0, 1, 1])

    assert cdnv(subject) == pytest.approx((1 / 4 + 1 / 4) / (2 * 4))
    assert nc1(subject) == pytest.approx(0, abs=1e-15), "the spread is across the line between the means"
    turned = with_features(points.flip(1) + torch.tensor([[0.0, 0], [0, 2], [0, 0], [0, 2]]), [0, 0, 1, 1])
    assert nc1(turned) == pytest.approx(1 / 2)
    assert nc1(with_features(points * torch.tensor([1.0, 0]), [0, 0, 1, 1])) == 0


def test_effective_rank() -> None:
    """Of orthogonal features the exponential of the entropy of their norms; equal ones count in full."""
    assert feature_effective_rank(with_features(3 * torch.eye(4), [0, 1, 0, 1])) == pytest.approx(4)
    q = np.array([0.5, 0.25, 0.25])
    diagonal = with_features(torch.diag(torch.tensor([2.0, 1, 1])), [0, 1, 1])
    assert feature_effective_rank(diagonal) == pytest.approx(math.exp(-(q * np.log(q)).sum()))
    assert feature_effective_rank(with_features(torch.ones(5, 3), [0] * 5)) == pytest.approx(1)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_the_intrinsic_dimension_of_a_flat_cube(dimension: int) -> None:
    """400 points of a cube, turned into eight dimensions: within the spread of the estimate."""
    generator = torch.Generator().manual_seed(0)
    cube = torch.rand(400, dimension, generator=generator, dtype=torch.float64)
    turn, _ = torch.linalg.qr(torch.randn(8, 8, generator=generator, dtype=torch.float64))
    subject = with_features(cube @ turn[:dimension], [0, 1] * 200)

    assert intrinsic_dimension(subject) == pytest.approx(dimension, rel=0.17)


def test_two_nearest_neighbours_one_point_at_a_time(mlp: Subject) -> None:
    """Sorted ratios against the logarithm of what is left of their distribution; the top tenth is left out."""
    points = features(mlp).penultimate.numpy()
    ratios = []
    for i, point in enumerate(points):
        gaps = sorted(float(np.linalg.norm(point - other)) for j, other in enumerate(points) if j != i)
        if gaps[0] > 0:
            ratios.append(math.log(gaps[1] / gaps[0]))
    n = len(ratios)
    kept = sorted(ratios)[: n - math.ceil(n / 10)]
    y = [-math.log(1 - (i + 1) / n) for i in range(len(kept))]

    assert 30 < n < 36, "some have no active unit at all, and coincide"

    slope = sum(a * b for a, b in zip(kept, y, strict=True)) / sum(a * a for a in kept)
    assert intrinsic_dimension(mlp) == pytest.approx(slope, rel=1e-9)


def test_the_slope_of_a_pareto_distribution() -> None:
    """Ratios at the quantiles of a Pareto law of exponent 3 give back 3."""
    log_ratios = -torch.log1p(-torch.arange(1, 1001, dtype=torch.float64) / 1000.0001) / 3

    assert two_nn_slope(log_ratios) == pytest.approx(3, rel=1e-5)


def test_the_features_of_a_map_are_its_means() -> None:
    """Where the last layer is a convolution, a mean over positions stands behind it, and can as well stand before."""
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()).double()
    model = nn.Sequential(*body, nn.Conv2d(4, 10, 1).double(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    subject = Subject(model, network("mlp").inputs, network("mlp").labels)
    found = features(subject).penultimate
    expected = body(subject.inputs[subject.sample(36)]).sum((2, 3)) / 36

    torch.testing.assert_close(found, expected.detach(), rtol=1e-12, atol=1e-14)


def test_what_has_no_geometry_is_refused() -> None:
    """One class; means that coincide; features that coincide; features that vanish."""
    line = torch.arange(12.0)[:, None]
    with pytest.raises(UnsupportedModelError, match="two classes"):
        cdnv(with_features(line, [0] * 12))
    for measure in (cdnv, nc1):
        with pytest.raises(UnsupportedModelError, match="coincide"):
            measure(with_features(line.fmod(2), [0, 0, 1, 1] * 3))
    with pytest.raises(UnsupportedModelError, match="distinct penultimate features"):
        intrinsic_dimension(with_features(torch.ones(12, 1), [0, 1] * 6))
    with pytest.raises(UnsupportedModelError, match="All penultimate features are zero"):
        feature_effective_rank(with_features(torch.zeros(12, 1), [0, 1] * 6))
    with pytest.raises(UnsupportedModelError, match="no hidden layer"):
        davies_bouldin(with_features(line, [0, 1] * 6))
