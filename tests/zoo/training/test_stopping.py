"""Test the stopping rule: which members stop after an epoch, why, and whose training loss is computed."""

import math
from collections.abc import Sequence

import pytest
import torch

from zoo.recipe import Recipe
from zoo.training.member import Entrance, Job, Run
from zoo.training.stopping import stops_after_epoch
from zoo.training.train import data_of

BASE = Recipe(train_size=96, batch_size=16, width=0.5, target_loss=0.1, max_epochs=5)


def members(*recipes: Recipe, clock: int = 1) -> list[Run]:
    """Members of a fleet that are in the given epoch."""
    data = data_of(BASE)
    entrance = Entrance(BASE, data, torch.device("cpu"), torch.float32)
    runs = [entrance.admitted(Job(recipe=recipe, data=data), 0) for recipe in recipes]
    for run in runs:
        run.clock = clock
    return runs


def test_close_members_are_evaluated_and_stop_at_the_target() -> None:
    """A minibatch loss up to four times the target is close; the training loss decides."""
    evaluated: list[int] = []

    def train_losses(indices: Sequence[int]) -> list[float]:
        evaluated.extend(indices)
        return [0.1, 0.11]

    stops = stops_after_epoch(members(BASE, BASE, BASE), [0.39, 0.41, 0.05], train_losses)

    assert evaluated == [0, 2]
    assert stops == {0: "target"}


@pytest.mark.parametrize(("target", "stops"), [(0.1, {0: "target"}), (0.0, {})])
def test_penalised_members_are_always_evaluated(target: float, stops: dict[int, str]) -> None:
    """Label smoothing keeps the minibatch loss high; without a target loss nobody is evaluated."""
    smoothed = BASE.replace(label_smoothing=0.1, target_loss=target)

    assert stops_after_epoch(members(smoothed), [2.0], lambda _: [0.0]) == stops


def test_last_epoch_and_divergence() -> None:
    """In the last epoch everyone stops; the reason is the epochs only where there is no other."""
    runs = members(BASE, BASE, BASE, clock=5)

    assert stops_after_epoch(runs, [math.nan, 2.0, 0.05], lambda _: [0.1]) == {0: "diverged", 1: "epochs", 2: "target"}
