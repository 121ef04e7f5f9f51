"""Distances between activations, one pair at a time."""

import numpy as np
import pytest
from torch import nn

from measures.api import Subject
from measures.passes.activations.geometry import layer_distances


def test_distances_at_every_layer(mlp: Subject) -> None:
    """Of the input and of what goes into the second and third layer, in the order of the fixed draw."""
    parts, order = list(mlp.model.children()), mlp.sample(36)
    found = layer_distances(mlp).numpy()

    assert found.shape == (3, 36, 36)
    for place, end in enumerate((0, 3, 5)):
        points = nn.Sequential(*parts[:end])(mlp.inputs[order]).flatten(1).detach().numpy()
        expected = np.linalg.norm(points[:, None] - points[None, :], axis=2)
        assert found[place] == pytest.approx(expected, rel=1e-6, abs=1e-6)
        assert not found[place].diagonal().any()


def test_equal_examples_have_no_distance(mlp: Subject) -> None:
    """Not even that of rounding."""
    same = Subject(mlp.model, mlp.inputs[:1].repeat(5, 1, 1, 1), mlp.labels[:5])

    assert not layer_distances(same).any()
