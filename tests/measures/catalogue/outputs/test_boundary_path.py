"""The way to the boundary: closed forms of linear networks, and the steps one example at a time."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.outputs.boundary_path import adv_radius, boundary_thickness, first_crossing, interpolated, ways


def two_classes(slope: float, bias: float, levels: list[float]) -> Subject:
    """Logits (slope (x_1 + x_2) / sqrt 2 + bias, 0) of points [x, x] with label 0."""
    network = nn.Linear(2, 2).double()
    network.weight.data = torch.tensor([[slope, slope], [0.0, 0.0]], dtype=torch.float64) / math.sqrt(2)
    network.bias.data = torch.tensor([bias, 0.0], dtype=torch.float64)
    inputs = torch.tensor(levels, dtype=torch.float64)[:, None].expand(-1, 2) / math.sqrt(2)
    return Subject(network, inputs.contiguous(), torch.zeros(len(levels)).long())


def test_the_radius_of_a_linear_network_is_the_distance() -> None:
    """Margin over slope, four bounded steps away; zero where the label is not the answer."""
    subject = two_classes(3.0, 0.1, [0.05, 0.1, 1.2, -1.0])

    assert adv_radius(subject) == pytest.approx((0.05 + 0.1 + 1.2 + 3 * 0.1 / 3) / 4, rel=1e-4)


def test_the_thickness_of_a_linear_network() -> None:
    """The difference of two probabilities is tanh(margin / 2), below 0.75 within 2 artanh(0.75) / slope."""
    subject = two_classes(40.0, 0.0, [0.1, 0.2, -0.5])
    expected = 2 * math.atanh(0.75) / 40

    assert expected < 0.1
    assert boundary_thickness(subject) == pytest.approx(expected, abs=0.2 * 1.1 / 128)


def test_the_steps_one_example_at_a_time(mlp: Subject) -> None:
    """Four steps towards the best other class; of the way, what lies before the first crossing of nine points."""
    order = mlp.sample(36)
    lengths, crossings, doubts = [], [], []
    for x, y in zip(mlp.inputs[order], mlp.labels[order].tolist(), strict=True):

        def margin(point: torch.Tensor, y: int = y) -> torch.Tensor:
            answer = mlp.logits_of(point.unsqueeze(0))[0]
            return answer[y] - torch.cat([answer[:y], answer[y + 1 :]]).max()

        point = x.clone()
        for _ in range(4):
            leaf = point.clone().requires_grad_()
            value = margin(leaf)
            (gradient,) = torch.autograd.grad(value, leaf)
            if value > 0:
                norm = math.sqrt(float(gradient.square().sum()) + 1e-6)
                point = point - gradient / norm * min(1.1 * float(value.detach()) / norm, 0.25 * 8)
        length = float((point - x).norm())
        along = [float(margin(x + t / 8 * (point - x))) for t in range(9)]
        place = 0.0 if along[0] <= 0 else 1.0
        for t in range(8):
            if along[0] > 0 and along[t] > 0 >= along[t + 1]:
                place = (t + along[t] / (along[t] - along[t + 1])) / 8
                break
        lengths.append(length)
        crossings.append(place)
        if along[0] > 0 >= along[-1]:
            points = torch.stack([mlp.logits_of((x + t / 8 * (point - x)).unsqueeze(0))[0] for t in range(9)]).numpy()
            grid = (np.arange(128) + 0.5) / 128 * 8
            fine = np.stack([np.interp(grid, np.arange(9), column) for column in points.T], 1)
            p = np.exp(fine) / np.exp(fine).sum(1, keepdims=True)
            rival = max((k for k in range(10) if k != y), key=lambda k, last=points[-1]: last[k])  # type: ignore[misc]
            difference = p[:, y] - p[:, rival]
            doubts.append(length * float(((difference > 0) & (difference < 0.75)).mean()))

    assert 0 < crossings.count(0.0) < 36
    assert ways(mlp).lengths.tolist() == pytest.approx(lengths, rel=1e-9)
    assert adv_radius(mlp) == pytest.approx(np.mean(np.array(lengths) * np.array(crossings)), rel=1e-9)
    assert boundary_thickness(mlp) == pytest.approx(np.mean(doubts), rel=1e-9)


def test_crossings_and_interpolation() -> None:
    """The first of several crossings; none; none needed. A straight line stays one."""
    margins = torch.tensor([[1.0, -1, 1, -1], [1, 2, 3, 4], [0, 1, -1, 1], [4, 2, 1, -1]])
    line = torch.arange(9.0).reshape(1, 9, 1)

    assert first_crossing(margins).tolist() == pytest.approx([1 / 6, 1, 0, 5 / 6])
    assert interpolated(line)[0, :, 0].tolist() == pytest.approx([(i + 0.5) / 16 for i in range(128)])


def test_where_nothing_can_be_crossed() -> None:
    """A constant network goes nowhere; one that is always wrong starts there."""
    constant, wrong = two_classes(0.0, 1.0, [0.5]), two_classes(1.0, 0.0, [-1.0])

    assert adv_radius(constant) == 0
    assert adv_radius(wrong) == 0
    for subject in (constant, wrong):
        with pytest.raises(UnsupportedModelError, match="across the decision boundary"):
            boundary_thickness(subject)
