"""Robust error of a linear network in closed form, and what every network's keeps to."""

import pytest
import torch
from torch import nn

from leaderboard.ledger.targets import is_target
from tests.zoo.observations.test_observed import Always, trained
from zoo.observations.robust import RADII, attacked, robust_error
from zoo.recipe import Recipe
from zoo.training.record import normalised

TWO = Recipe(classes=(3, 8), train_size=64, batch_size=16)
BASE = Recipe(train_size=64, batch_size=16, width=0.25)


def test_the_worst_image_for_a_linear_network_is_a_corner_of_the_ball() -> None:
    """Each pixel goes against its weight, as far as radius and grey levels allow."""
    linear = nn.Linear(64, 2)
    network = nn.Sequential(nn.Flatten(), linear)
    draw = torch.Generator().manual_seed(0)
    nn.init.normal_(linear.weight, generator=draw)
    nn.init.zeros_(linear.bias)
    case = trained(TWO, network)
    images, labels = case.data.test_images, case.data.test_labels
    weight = linear.weight.detach()
    toward = torch.sign(weight[1] - weight[0]).view(1, 1, 8, 8) * torch.where(labels == 1, -1, 1).view(-1, 1, 1, 1)
    found = robust_error(case)

    assert found["size.robust_error"] == len(labels)
    for radius in RADII:
        worst = (images.float() + radius * toward).clamp(0, 255)
        torch.testing.assert_close(attacked(case, images, labels, radius), worst)
        with torch.no_grad():
            wrong = network(normalised(worst, case.data)).argmax(1) != labels
        assert found[f"robust_error.{radius}"] == pytest.approx(float(wrong.double().mean()), abs=1e-9)
    assert found["robust_error.8"] > found["robust_error.2"]  # type: ignore[operator]  # numbers


def test_an_attack_stays_in_the_ball_and_helps_nobody() -> None:
    """Of a network with hidden units; errors grow with the radius from the clean one."""
    case = trained(BASE)
    images, labels = case.data.test_images[:40], case.data.test_labels[:40]
    moved = attacked(case, images, labels, 8)
    wrong = float((case.predictions(case.data.test_images) != case.data.test_labels).double().mean())
    found = robust_error(case)

    assert float((moved - images.float()).abs().max()) <= 8
    assert 0 <= float(moved.min()) <= float(moved.max()) <= 255
    assert wrong <= found["robust_error.2"] <= found["robust_error.8"]  # type: ignore[operator]  # numbers
    assert all(is_target(name) or name == "size.robust_error" for name in found)


def test_one_answer_cannot_be_attacked() -> None:
    """Nine tenths are wrong at every radius; nothing is observed where images are no grey levels."""
    found = robust_error(trained(BASE, Constant(3)))

    assert found["robust_error.2"] == found["robust_error.8"] == pytest.approx(0.9, abs=0.02)
    assert robust_error(trained(BASE.replace(corruption="gaussian"))) == {}


class Constant(Always):
    """Answers one class, with a gradient of zero."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits that depend on the input by a factor of zero."""
        return super().forward(inputs) + 0 * inputs.flatten(1).sum(1, keepdim=True)
