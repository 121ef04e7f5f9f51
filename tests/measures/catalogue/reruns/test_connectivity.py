"""The barrier between networks whose line is known, and point by point."""

import copy
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.reruns.connectivity import lmc_barrier
from tests.measures.networks import network


def test_a_convex_loss_has_no_barrier(linear: Subject, mlp: Subject) -> None:
    """Softmax regression is convex; a network is its own twin without one."""
    itself = Subject(mlp.model, mlp.inputs, mlp.labels, twin=mlp.model)

    assert lmc_barrier(linear) == pytest.approx(0, abs=1e-12)
    assert lmc_barrier(itself) == pytest.approx(0, abs=1e-12)


def test_a_network_and_its_negative() -> None:
    """Logits w^2 and 0 at w = 1 and w = -1: in the middle all logits are zero, and the loss log 2."""

    class Square(nn.Module):
        def __init__(self, w: float) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor([w]).double())

        def forward(self, x: Tensor) -> Tensor:
            """Two logits."""
            return torch.cat([self.w.square() * x, torch.zeros_like(x)], 1)

    subject = Subject(Square(1), torch.ones(3, 1), torch.zeros(3).long(), twin=Square(-1))

    assert lmc_barrier(subject) == pytest.approx(math.log(2) - math.log1p(math.exp(-1)), rel=1e-9)


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_the_line_point_by_point(name: str) -> None:
    """Weights and running statistics in between."""
    subject = network(name).subject()
    twin = network(name).twin
    heights, losses = [], {}
    for step in range(7):
        model = copy.deepcopy(subject.model)
        mine, other = subject.model.state_dict(), twin.state_dict()
        model.load_state_dict(
            {
                key: other[key] + step / 6 * (mine[key] - other[key]) if mine[key].is_floating_point() else mine[key]
                for key in mine
            }
        )
        losses[step] = float(cross_entropy(model(subject.inputs), subject.labels))
    heights = [losses[step] - step / 6 * losses[6] - (1 - step / 6) * losses[0] for step in range(7)]

    assert max(heights) > 0.1
    assert lmc_barrier(subject) == pytest.approx(max(heights), rel=1e-8)


def test_a_twin_of_other_names_is_refused(mlp: Subject) -> None:
    """There is no line between parameters that do not belong together."""
    with pytest.raises(UnsupportedModelError, match="other parameters"):
        lmc_barrier(Subject(mlp.model, mlp.inputs, mlp.labels, twin=nn.Sequential(copy.deepcopy(mlp.model))))
