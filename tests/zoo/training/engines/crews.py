"""Crews of members that enter and leave a fleet while it trains, and the agreement of two fleets that train them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.corruptions import PreparedData
from zoo.recipe import Recipe
from zoo.training.engines.stacked_fleet import Batch, Fleet, Member, state_of
from zoo.training.record import normalised
from zoo.training.train import network_of

BATCH = 8
STEPS = 3  # of each of the four crews
RATES = (0.02, 0.005, 0.01, 0.03)


def members_of(recipe: Recipe, data: PreparedData, **rules: object) -> list[Member]:
    """Four members with different seeds and rates."""
    states = [state_of(network_of(recipe.replace(seed=seed), data).double()) for seed in range(len(RATES))]
    return [
        Member(state=state, learning_rate=rate, momentum=0.9, weight_decay=0.01, **rules)  # type: ignore[arg-type]
        for state, rate in zip(states, RATES, strict=True)
    ]


def batches(data: PreparedData, members: Sequence[int], start: int, stop: int) -> list[Batch]:
    """Steps `start` to `stop`, each member's own examples."""
    inputs = normalised(data.train_images, data).double()
    chosen = [
        [torch.randint(128, (BATCH,), generator=torch.Generator().manual_seed(100 * step + m)) for m in members]
        for step in range(start, stop)
    ]
    return [
        Batch(inputs=torch.stack([inputs[c] for c in own]), labels=torch.stack([data.train_labels[c] for c in own]))
        for own in chosen
    ]


def trained(fleet: Fleet, members: Sequence[Member], data: PreparedData) -> tuple[dict[int, Tensor], Tensor]:
    """Three members; the first leaves after some steps, the rates change, a fourth enters beside placeholders of it.

    Last the second makes room for the first, which restarts: a change that leaves the size as it was.

    Returns:
        Weights side by side by member, and all losses.
    """
    losses = []
    device = next(iter(members[0].state.values())).device

    def steps(of: Sequence[int], start: int) -> None:
        for batch in batches(data, of, start, start + STEPS):
            there = Batch(inputs=batch.inputs.to(device), labels=batch.labels.to(device))
            losses.append(fleet.step(there).clone())

    fleet.change([], members[:3])
    steps([0, 1, 2], 0)
    final = {0: flat(fleet, 0)}
    fleet.change([1, 2], [])
    fleet.set_rates([0.001, 0.002])
    steps([1, 2], STEPS)
    fleet.change([0, 1], [members[3]])
    steps([1, 2, 3], 2 * STEPS)
    final[1] = flat(fleet, 0)
    fleet.change([1, 2], [members[0]])
    steps([2, 3, 0], 3 * STEPS)
    final |= {member: flat(fleet, index) for index, member in enumerate((2, 3, 4))}  # 4 is the first again
    return final, torch.cat(losses)


def flat(fleet: Fleet, member: int) -> Tensor:
    """All parameters and buffers of a member side by side, on the CPU."""
    return torch.cat([value.double().flatten() for value in fleet.state(member).values()]).cpu()


def agree(fleet: Fleet, reference: Fleet, members: Sequence[Member], data: PreparedData) -> None:
    """Both train the same networks, to rounding in float64."""
    start = torch.cat([value.double().flatten() for value in members[0].state.values()]).cpu()
    (weights, losses), (expected, expected_losses) = (trained(one, members, data) for one in (fleet, reference))

    assert float((expected[0] - start).norm() / start.norm()) > 1e-4, "the reference must have moved"
    torch.testing.assert_close(losses, expected_losses, rtol=1e-7, atol=1e-9)
    for member, value in weights.items():
        assert float((value - expected[member]).norm() / expected[member].norm()) < 1e-8
