"""Alignment of layers by numpy's singular vectors, and of networks that are aligned by construction."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.weights.alignment import layer_alignment
from measures.per_layer import Layered
from tests.measures import by_hand
from tests.measures.networks import network


def cosine(before: by_hand.Array, after: by_hand.Array) -> float:
    """Of the first left and the first right singular vector of matrices [out, ...] and [..., in]."""
    u = np.linalg.svd(before)[0][:, 0]
    v = np.linalg.svd(after)[2][0]
    return abs(float(u @ v))


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_by_singular_vectors(name: str) -> None:
    """Kernels with their positions beside the outputs of the layer before, and beside its own outputs after it."""
    data = network(name)
    kernels = by_hand.kernels(name, data.model.state_dict())
    pairs = [
        cosine(
            before.reshape(len(before), -1),
            np.moveaxis(after.reshape(len(after), len(before), -1), 1, 2).reshape(-1, len(before)),
        )
        for before, after in pairwise(kernels)
    ]
    score = layer_alignment.compute(data.subject())

    assert score == pytest.approx(np.mean(pairs), rel=1e-8)
    assert isinstance(score, Layered)
    assert sorted(2 * term for term in score.layers.values()) == pytest.approx(sorted(pairs), rel=1e-8)


def chain(*weights: torch.Tensor) -> Subject:
    """Linear layers with ReLU between them."""
    parts: list[nn.Module] = []
    for weight in weights:
        layer = nn.Linear(weight.shape[1], len(weight), bias=False).double()
        layer.weight.data = weight.double()
        parts += [layer, nn.ReLU()]
    return Subject(
        nn.Sequential(*parts[:-1]), torch.eye(weights[0].shape[1]).double(), torch.zeros(weights[0].shape[1]).long()
    )


def test_aligned_and_crossed_layers() -> None:
    """Leading directions in the same unit are aligned, those in different units are not."""
    first = torch.tensor([[3.0, 0], [0, 1]])

    assert layer_alignment(chain(first, torch.tensor([[5.0, 0], [0, 2]]))) == pytest.approx(1)
    assert layer_alignment(chain(first, torch.tensor([[2.0, 0], [0, 5]]))) == pytest.approx(0, abs=1e-12)


def test_positions_before_a_linear_layer() -> None:
    """A map of two channels and four positions, flattened: the linear layer's inputs of a channel belong together."""
    convolution = nn.Conv2d(1, 2, 1, bias=False).double()
    convolution.weight.data = torch.tensor([1.0, 2]).double().view(2, 1, 1, 1)
    head = nn.Linear(8, 2, bias=False).double()
    head.weight.data = torch.arange(1.0, 17).double().view(2, 8)
    model = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), head)
    subject = Subject(model, torch.rand(3, 1, 2, 2).double(), torch.arange(3) % 2)
    rows = head.weight.detach().numpy().reshape(2, 2, 4).transpose(0, 2, 1).reshape(8, 2)

    assert layer_alignment(subject) == pytest.approx(cosine(np.array([[1.0], [2.0]]), rows), rel=1e-9)


def test_networks_that_are_no_chain_are_refused(linear: Subject, residual: Subject, vit: Subject) -> None:
    """One layer; skips; attention; a zero weight; groups."""
    with pytest.raises(UnsupportedModelError, match="two layers"):
        layer_alignment(linear)
    for subject in (residual, vit):
        with pytest.raises(UnsupportedModelError, match="add"):
            layer_alignment(subject)
    with pytest.raises(UnsupportedModelError, match="'0' is zero"):
        layer_alignment(chain(torch.zeros(2, 2), torch.eye(2)))
    grouped = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 2, 1, groups=2), nn.Flatten()).double()
    with pytest.raises(UnsupportedModelError, match="not the outputs"):
        layer_alignment(Subject(grouped, torch.rand(2, 1, 1, 1).double(), torch.arange(2)))
