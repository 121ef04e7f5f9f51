"""A fleet's members are the networks that the plain loop trains."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from zoo.corruptions import PreparedData
from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES, Optimizer
from zoo.training.engines.plain_loop import PlainLoop
from zoo.training.engines.stacked_fleet import Batch, Fleet, Member, StackedFleet, state_of
from zoo.training.gradient_rules import GradientRules
from zoo.training.record import normalised
from zoo.training.train import data_of, network_of

STEPS = 50
BATCH = 8
RATES, DECAYS = (0.02, 0.005, 0.01), (0.0, 0.1, 0.01)


@pytest.fixture(scope="module")
def data() -> PreparedData:
    """128 images of Gaussian pixels.

    Digits have constant patches, which standardized weights, whose sum is zero, map to zero exactly: there the first
    ReLU has no derivative at initialization, and rounding would decide which side a member takes.
    """
    return data_of(Recipe(train_size=128, corruption="gaussian"))


def batches(data: PreparedData, member: int, start: int, stop: int) -> list[tuple[Tensor, Tensor]]:
    """Steps `start` to `stop` of a member's own batches."""
    generator = torch.Generator().manual_seed(member)
    inputs = normalised(data.train_images, data).double()
    chosen = [torch.randint(len(inputs), (BATCH,), generator=generator) for _ in range(stop)][start:]
    return [(inputs[c], data.train_labels[c]) for c in chosen]


def advance(fleet: Fleet, data: PreparedData, members: Sequence[int], start: int, stop: int) -> None:
    """Take the members' steps `start` to `stop`."""
    for batch in zip(*(batches(data, member, start, stop) for member in members), strict=True):
        inputs, labels = zip(*batch, strict=True)
        fleet.step(Batch(inputs=torch.stack(inputs), labels=torch.stack(labels)))


def members_of(recipe: Recipe, data: PreparedData) -> list[Member]:
    """Three members from three seeds with rates and decays of their own."""
    return [
        Member(
            state=state_of(network_of(recipe.replace(seed=seed), data).double()),
            learning_rate=rate,
            weight_decay=decay,
            momentum=recipe.momentum,
        )
        for seed, (rate, decay) in enumerate(zip(RATES, DECAYS, strict=True))
    ]


def relative_difference(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Norm of the difference of all parameters and buffers, relative to their norm."""
    first, second = (torch.cat([value.double().flatten() for value in state.values()]) for state in (one, other))
    return float((first - second).norm() / second.norm())


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("model", FAMILIES)
def test_a_fleet_gives_the_networks_of_the_plain_loop(model: str, optimizer: Optimizer, data: PreparedData) -> None:
    """After 50 steps, one member leaving and another entering on the way, all weights agree to 1e-8 in float64."""
    recipe = Recipe(model=model, train_size=128, optimizer=optimizer)
    members = members_of(recipe, data)
    fleet = StackedFleet(network_of(recipe, data).double(), optimizer)
    fleet.change([], members[:2])
    advance(fleet, data, [0, 1], 0, STEPS // 2)
    first = fleet.state(0)
    fleet.change([1], [members[2]])
    for (x1, y1), (x2, y2) in zip(batches(data, 1, STEPS // 2, STEPS), batches(data, 2, 0, STEPS // 2), strict=True):
        fleet.step(Batch(inputs=torch.stack([x1, x2]), labels=torch.stack([y1, y2])))

    trained = {0: (first, STEPS // 2), 1: (fleet.state(0), STEPS), 2: (fleet.state(1), STEPS // 2)}
    for index, (state, steps) in trained.items():
        loop = PlainLoop(network_of(recipe, data).double(), optimizer)
        loop.change([], [members[index]])
        advance(loop, data, [index], 0, steps)

        assert relative_difference(loop.state(0), members[index].state) > 1e-3, "the loop must have moved"
        assert relative_difference(state, loop.state(0)) < 1e-8


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("model", ["nin", "resnet", "nf_resnet", "vit"])
@pytest.mark.parametrize("rules", [GradientRules(), GradientRules(clip_norm=0.5)], ids=["plain", "clipped"])
def test_the_order_in_memory_changes_no_network(
    rules: GradientRules, model: str, optimizer: Optimizer, data: PreparedData
) -> None:
    """Images and filters pixel by pixel: the same networks to 1e-8 in float64, and states in the usual order."""
    recipe = Recipe(model=model, train_size=128, optimizer=optimizer)
    member = replace(members_of(recipe, data)[0], rules=rules)
    states = []
    for channels_last in (False, True):
        loop = PlainLoop(network_of(recipe, data).double(), optimizer, channels_last=channels_last)
        loop.change([], [member])
        advance(loop, data, [0], 0, STEPS // 2)
        states.append(loop.state(0))

    assert relative_difference(states[0], member.state) > 1e-3, "the loop must have moved"
    assert relative_difference(*states) < 1e-8
    assert all(value.is_contiguous() for value in states[1].values())


@pytest.mark.parametrize("model", FAMILIES)
def test_losses_and_logits_are_those_of_the_members(model: str, data: PreparedData) -> None:
    """The losses of a step and the logits in eval mode agree with the plain loop's."""
    recipe = Recipe(model=model, train_size=128)
    members = members_of(recipe, data)
    fleet = StackedFleet(network_of(recipe, data).double(), "sgd")
    fleet.change([], members)
    (x0, y0), (x1, y1), (x2, y2) = (batches(data, member, 0, 1)[0] for member in range(3))
    losses = fleet.step(Batch(inputs=torch.stack([x0, x1, x2]), labels=torch.stack([y0, y1, y2])))
    logits = fleet.logits([2], x2.unsqueeze(0))

    loop = PlainLoop(network_of(recipe, data).double(), "sgd")
    loop.change([], [members[2]])
    loss = loop.step(Batch(inputs=x2.unsqueeze(0), labels=y2.unsqueeze(0)))

    assert losses[2].item() == pytest.approx(loss.item(), rel=1e-9)
    torch.testing.assert_close(logits, loop.logits([0], x2.unsqueeze(0)), rtol=1e-8, atol=1e-9)


def test_a_plain_loop_has_one_member(data: PreparedData) -> None:
    """Two members are refused, and so is a step without any."""
    recipe = Recipe(train_size=128)
    loop = PlainLoop(network_of(recipe, data).double(), "sgd")
    with pytest.raises(ValueError, match="must have one member; got 3"):
        loop.change([], members_of(recipe, data))
    with pytest.raises(RuntimeError, match="admitted"):
        loop.step(Batch(inputs=torch.zeros(1, 1, 1, 8, 8), labels=torch.zeros(1, 1, dtype=torch.int64)))
