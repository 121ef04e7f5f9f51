"""Neural collapse of features that are known, and by numpy on trained networks."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.representation.neural_collapse import nc2_angles, nc2_equinorm, nc4


def with_features(points: Tensor, labels: list[int], weight: Tensor) -> Subject:
    """A single linear layer, whose input is the last feature."""
    layer = nn.Linear(weight.shape[1], len(weight), bias=False).double()
    layer.weight.data = weight.double()
    return Subject(layer, points.double(), torch.tensor(labels))


def test_a_simplex_has_collapsed() -> None:
    """Unit vectors, one a class, read by the identity."""
    subject = with_features(torch.eye(4).repeat(2, 1), [0, 1, 2, 3, 0, 1, 2, 3], torch.eye(4))

    assert nc2_equinorm(subject) == pytest.approx(0, abs=1e-12)
    assert nc2_angles(subject) == pytest.approx(0, abs=1e-12)
    assert nc4(subject) == 0


def test_by_hand() -> None:
    """Means at (3, 0), (-3, 0) and (0, 4) about (0, 4/3); one of four examples is nearer to another class."""
    points = torch.tensor([[3.0, 0], [-3, 0], [0, 8], [0, 0]])
    subject = with_features(points, [0, 1, 2, 2], torch.tensor([[1.0, 0], [-1, 0], [0, 1]]))
    centred = np.array([[3, -4 / 3], [-3, -4 / 3], [0, 8 / 3]])
    norms = np.linalg.norm(centred, axis=1)
    cosines = [centred[a] @ centred[b] / norms[a] / norms[b] for a, b in ((0, 1), (0, 2), (1, 2))]

    assert nc2_equinorm(subject) == pytest.approx(norms.std() / norms.mean(), rel=1e-9)
    assert nc2_angles(subject) == pytest.approx(np.mean([abs(c + 1 / 2) for c in cosines]), rel=1e-9)
    answers, nearest = [0, 1, 2, 0], [0, 1, 2, 0]  # (0, 0) is 3 from the first two means and 4 from its class
    assert nc4(subject) == np.mean(np.array(answers) != np.array(nearest))


def test_classifier_and_nearest_mean_on_a_trained_network(mlp: Subject) -> None:
    """One example at a time."""
    h = nn.Sequential(*list(mlp.model.children())[:-1])(mlp.inputs).detach().numpy()
    labels = mlp.labels.numpy()
    means = {k: h[labels == k].mean(0) for k in set(labels.tolist())}
    nearest = [min(means, key=lambda k: np.linalg.norm(row - means[k])) for row in h]
    answers = mlp.logits_of(mlp.inputs).argmax(1).tolist()
    different = np.mean([a != b for a, b in zip(nearest, answers, strict=True)])

    assert 0 < different < 1
    assert nc4(mlp) == pytest.approx(different)


def test_means_without_a_direction_are_refused(mlp: Subject) -> None:
    """One class; and a class whose mean is that of all."""
    with pytest.raises(UnsupportedModelError, match="two classes"):
        nc4(Subject(mlp.model, mlp.inputs, torch.zeros(36).long()))
    balanced = with_features(torch.tensor([[1.0], [-1], [0]]), [0, 1, 2], torch.tensor([[1.0], [-1], [0.5]]))
    with pytest.raises(UnsupportedModelError, match="no direction"):
        nc2_angles(balanced)
