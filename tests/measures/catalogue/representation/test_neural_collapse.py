"""Neural collapse of features that are known, and by numpy on trained networks."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.representation.neural_collapse import nc2_angles, nc2_equinorm, nc3, nc4


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
    assert nc3(subject) == pytest.approx(
        2 - 2 * np.sqrt(3) / 2, rel=1e-9
    )  # the identity is not centred: cos 30 degrees
    assert nc4(subject) == 0
    centred = torch.eye(4) - 1 / 4
    assert nc3(with_features(torch.eye(4), [0, 1, 2, 3], 7 * centred)) == pytest.approx(0, abs=1e-12)
    assert nc3(with_features(torch.eye(4), [0, 1, 2, 3], -centred)) == pytest.approx(4, rel=1e-12)


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


def test_self_duality_on_trained_networks(mlp: Subject, conv_bn: Subject) -> None:
    """Classes of the sample alone, by numpy; the features of convolutions are means over positions."""
    for subject, name in ((mlp, "5"), (conv_bn, "9")):
        h = nn.Sequential(*list(subject.model.children())[:-1])(subject.inputs).detach().numpy()
        labels = subject.labels.numpy()
        means = np.stack([h[labels == k].mean(0) for k in np.unique(labels)])
        centred = means - means.mean(0)
        rows = subject.params[f"{name}.weight"].numpy()[np.unique(labels)]
        difference = rows / np.linalg.norm(rows) - centred / np.linalg.norm(centred)

        assert nc3(subject) == pytest.approx(np.square(difference).sum(), rel=1e-9)


def test_a_last_layer_over_positions_is_refused() -> None:
    """A convolution of three by three is no map of one vector of features; a zero layer has no direction."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.Flatten()).double()
    subject = Subject(model, torch.rand(4, 1, 5, 5).double(), torch.arange(4) % 2)
    with pytest.raises(UnsupportedModelError, match="one vector"):
        nc3(subject)
    with pytest.raises(UnsupportedModelError, match="is zero"):
        nc3(with_features(torch.eye(2), [0, 1], torch.zeros(2, 2)))


def test_means_without_a_direction_are_refused(mlp: Subject) -> None:
    """One class; and a class whose mean is that of all."""
    with pytest.raises(UnsupportedModelError, match="two classes"):
        nc4(Subject(mlp.model, mlp.inputs, torch.zeros(36).long()))
    balanced = with_features(torch.tensor([[1.0], [-1], [0]]), [0, 1, 2], torch.tensor([[1.0], [-1], [0.5]]))
    with pytest.raises(UnsupportedModelError, match="no direction"):
        nc2_angles(balanced)
