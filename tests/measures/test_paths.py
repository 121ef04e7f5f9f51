"""Path norms against sums over all paths."""

import copy
import itertools
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from measures.api import Subject, UnsupportedModel
from measures.paths import path_norm
from tests.measures.networks import network


def test_two_layers_with_biases() -> None:
    """A sum over inputs, hidden units and outputs, one path at a time; biases start paths of their own."""
    data = network("linear")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ReLU(), nn.Linear(3, 10)).double()
    first, first_bias, second, second_bias = (p.detach() for p in model.parameters())
    through = sum(
        float(second[k, j] * first[j, i]) ** 2 for i, j, k in itertools.product(range(64), range(3), range(10))
    )
    from_hidden = sum(float(second[k, j] * first_bias[j]) ** 2 for j, k in itertools.product(range(3), range(10)))
    expected = through + from_hidden + float(second_bias.square().sum())

    assert path_norm(Subject(model, data.inputs, data.labels)) == pytest.approx(expected, rel=1e-12)


def test_folded_convolutions(conv_bn: Subject) -> None:
    """The network with torch's own fusion and squared parameters, run on ones."""
    chain: list[Any] = list(copy.deepcopy(conv_bn.model).children())
    fused = [fuse_conv_bn_eval(chain[0], chain[1]), *chain[2:4], fuse_conv_bn_eval(chain[4], chain[5]), *chain[6:]]
    squared = nn.Sequential(*fused)
    with torch.no_grad():
        for parameter in squared.parameters():
            parameter.square_()
        expected = float(squared(torch.ones(1, 1, 8, 8, dtype=torch.float64)).sum())

    assert path_norm(conv_bn) == pytest.approx(expected, rel=1e-10)


def test_a_skip_adds_its_paths() -> None:
    """With x + A x the paths through the skip have weight one: sum V^2 (1 + A^2), squared edge by edge."""

    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.head = nn.Linear(64, 64, bias=False), nn.Linear(64, 10, bias=False)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            flat = inputs.flatten(1)
            return self.head(flat + self.inner(flat))  # type: ignore[no-any-return]  # a module's call is untyped

    data = network("linear")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Skip().double()
    inner, head = model.inner.weight.detach(), model.head.weight.detach()
    expected = float((head.square() @ (torch.eye(64) + inner.square())).sum())

    assert path_norm(Subject(model, data.inputs, data.labels)) == pytest.approx(expected, rel=1e-12)


def test_residual_and_norm_free_networks_have_paths(residual: Subject, norm_free: Subject) -> None:
    """Addition, average pooling and fixed scales are passed."""
    assert path_norm(residual) > 0
    assert path_norm(norm_free) > 0


@pytest.mark.parametrize(
    ("activation", "reason"),
    [(nn.GELU(), "gelu"), (nn.SiLU(), "silu"), (nn.LayerNorm(8), "layer_norm"), (nn.Softmax(1), "softmax")],
)
def test_refused_where_paths_have_no_meaning(activation: nn.Module, reason: str) -> None:
    """The reason names the operation."""
    data = network("linear")
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), activation, nn.Linear(8, 10)).double()

    with pytest.raises(UnsupportedModel, match=f"through {reason}: "):
        path_norm(Subject(model, data.inputs, data.labels))


def test_attention_is_refused(vit: Subject) -> None:
    """Nor has a path a meaning through attention."""
    with pytest.raises(UnsupportedModel, match="scaled_dot_product_attention"):
        path_norm(vit)
