"""Constrained margins of linear networks in closed form, and by numpy's singular vectors."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import hadamard
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.outputs.constrained_margin import constrained_margin, elbow, leading_components
from measures.catalogue.outputs.input_margins import input_margin
from tests.measures.networks import network


@pytest.mark.parametrize("name", ["linear", "conv_bn"])
def test_by_singular_vectors_one_example_at_a_time(name: str) -> None:
    """The gradient of the margin is projected on the right singular vectors of the centred inputs."""
    subject = network(name).subject()
    flat = subject.inputs.flatten(1).numpy()
    _, values, rows = np.linalg.svd(flat - flat.mean(0), full_matrices=False)
    count = elbow(torch.from_numpy(values[values > 1e-5 * values[0]] ** 2))
    distances = []
    for x, y in zip(subject.inputs, subject.labels.tolist(), strict=True):
        leaf = x.clone().unsqueeze(0).requires_grad_()
        answer = subject.logits_of(leaf)[0]
        margin = answer[y] - torch.cat([answer[:y], answer[y + 1 :]]).max()
        (gradient,) = torch.autograd.grad(margin, leaf)
        along = rows[:count] @ gradient.flatten().numpy()
        distances.append(float(margin.detach()) / math.sqrt(float(along @ along) + 1e-6))

    assert 1 < count < 35
    assert constrained_margin(subject) == pytest.approx(np.percentile(distances, 10), rel=1e-8)


def test_a_boundary_across_and_along_the_data() -> None:
    """Two directions of much variance: a boundary across the first is where it is, one across the third is far away."""
    points = torch.from_numpy(hadamard(8)[:, 1:5] * np.array([3, 1, 1e-3, 1e-4]))
    model = nn.Linear(4, 2, bias=False).double()
    for direction, first_order in ((0, 3.0), (2, 2.0)):  # margins of 6 over 2, and of 0.002 over the floor of 0.001
        model.weight.data.zero_()
        model.weight.data[:, direction] = torch.tensor([1.0, -1]).double()
        subject = Subject(model, points, (points[:, direction] < 0).long())
        assert constrained_margin(subject) == pytest.approx(first_order, rel=1e-6)
        assert input_margin(subject) == pytest.approx(float(points[:, direction].abs().max()), rel=1e-6)


@pytest.mark.parametrize("shape", [(30, 4), (5, 12)])
def test_leading_components_of_many_and_of_few_points(shape: tuple[int, int]) -> None:
    """Orthonormal, and of the variance that numpy says."""
    points = np.random.default_rng(1).normal(size=shape) * np.logspace(0, -2, shape[1])
    found = leading_components(torch.from_numpy(points)).numpy()
    values = np.linalg.svd(points - points.mean(0), compute_uv=False)
    projected = (points - points.mean(0)) @ found

    assert found.T @ found == pytest.approx(np.eye(found.shape[1]), abs=1e-9)
    assert np.linalg.norm(projected, axis=0) == pytest.approx(values[: found.shape[1]], rel=1e-9)


def test_the_elbow() -> None:
    """Two large numbers, then a plateau; a line and two numbers have none."""
    assert elbow(torch.tensor([10.0, 9, 1, 0.9, 0.8, 0.7, 0.6])) == 3
    assert elbow(torch.tensor([10.0, 1, 0.9, 0.8, 0.7])) == 2
    assert elbow(torch.tensor([2.0, 1])) == 2
    assert elbow(torch.tensor([1.0, 1, 1])) == 3


def test_equal_inputs_are_refused(mlp: Subject) -> None:
    """They have no principal component."""
    same = Subject(mlp.model, mlp.inputs[:1].repeat(4, 1, 1, 1), torch.arange(4))
    with pytest.raises(UnsupportedModelError, match="all the same"):
        constrained_margin(same)
