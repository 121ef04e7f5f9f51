"""Memory that is full: a fleet goes on at half, and what a member takes is known beforehand."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

import zoo.training.trainer
from zoo.recipe import Recipe
from zoo.training.engines.compiled_fleet import NotRecordedError, Recorder
from zoo.training.engines.fleet_memory import (
    ACTIVATION_COPIES,
    STATE_COPIES,
    bytes_a_member,
    largest_fleet,
    out_of_memory,
)
from zoo.training.engines.modes import Mode, engine_of
from zoo.training.engines.stacked_fleet import Batch, Fleet, StackedFleet
from zoo.training.record import TrainedRun
from zoo.training.train import train

BASE = Recipe(train_size=64, batch_size=16, max_epochs=3, target_loss=0.0, width=0.25)


class Full(StackedFleet):
    """A fleet on a device that holds two members; the third fills it in the second epoch."""

    error: Exception = torch.OutOfMemoryError("full")

    def step(self, batch: Batch) -> Tensor:
        """See `Fleet.step`."""
        self.taken = getattr(self, "taken", 0) + 1
        if len(batch.labels) > 2 and self.taken > 5:
            raise self.error
        return super().step(batch)


def on_the_cpu() -> Exception:
    """What the allocator of the CPU says when it is asked for more than there is."""
    try:
        torch.empty(2**60, dtype=torch.uint8)
    except RuntimeError as error:
        return error
    raise AssertionError("an exabyte was there")


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fleets of more than two members fill the device."""

    def engine(mode: Mode, size: int, network: nn.Module, optimizer: Any, precision: Any) -> Fleet:
        return (
            Full(network, optimizer, precision)
            if mode == "fleet" and size > 1
            else engine_of(mode, size, network, optimizer, precision)
        )

    monkeypatch.setattr(zoo.training.trainer, "engine_of", engine)


def by_id(runs: Iterator[TrainedRun]) -> dict[str, TrainedRun]:
    """Runs by id; each once."""
    found = list(runs)
    assert len({run.recipe.run_id for run in found}) == len(found)
    return {run.recipe.run_id: run for run in found}


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("gpu", [True, False])
def test_a_fleet_that_does_not_fit_goes_on_at_half(gpu: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of seven, five at a time: the first ends before, four restart, all are trained once, as one by one."""
    monkeypatch.setattr(Full, "error", torch.OutOfMemoryError("full") if gpu else on_the_cpu())
    recipes = [BASE.replace(seed=seed, max_epochs=1 if seed == 0 else 3) for seed in range(7)]
    recipes[1] = recipes[1].replace(prune=0.5)
    runs = by_id(train(recipes, fleet=5, dtype=torch.float64))
    alone = by_id(train(recipes, fleet=1, dtype=torch.float64))

    assert runs.keys() == alone.keys() == {recipe.run_id for recipe in recipes}
    assert sorted(run.record.fleet for run in runs.values()) == [2] * 6 + [5]
    for run_id, run in runs.items():
        assert run.record.epochs == alone[run_id].record.epochs
        assert run.record.losses == pytest.approx(alone[run_id].record.losses, rel=1e-6)
        for name, value in run.final.items():
            torch.testing.assert_close(value, alone[run_id].final[name], rtol=1e-6, atol=1e-9)


def recording_fails(error: Exception, beyond: int, calls: list[int]) -> Recorder:
    """A recorder that fails for more members, as memory that ends in a recording may: while the recording is ended."""

    def recorder(function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        calls.append(len(function()))
        if calls[-1] > beyond:
            try:
                raise error
            except torch.OutOfMemoryError as full:
                raise RuntimeError("operation failed due to a previous error during capture") from full
        return function

    return recorder


@pytest.mark.parametrize(
    ("error", "sizes", "trained_by"),
    [
        (torch.OutOfMemoryError("full"), [4, 2], {("graph", 4): 0, ("graph", 2): 6}),
        (NotRecordedError("not here."), [4], {("fleet", 4): 6}),
    ],
    ids=["full", "not recorded"],
)
def test_a_step_that_is_not_recorded_trains_at_half_or_unrecorded(
    error: Exception,
    sizes: list[int],
    trained_by: dict[tuple[str, int], int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All networks are trained, each once, to the weights of the loop; the record names what did it."""
    calls: list[int] = []
    monkeypatch.setattr("zoo.training.engines.modes.cuda_graph", recording_fails(error, 2, calls))
    monkeypatch.setattr("zoo.training.train.require_mode", lambda *_: None)
    recipes = [BASE.replace(seed=seed, max_epochs=2) for seed in range(6)]
    runs = by_id(train(recipes, fleet=4, mode="graph", dtype=torch.float64))
    alone = by_id(train(recipes, fleet=1, dtype=torch.float64))

    assert calls == sizes
    made = [(run.record.mode, run.record.fleet) for run in runs.values()]
    assert all(made.count(cast("Any", kind)) == number for kind, number in trained_by.items())
    assert len(runs) == 6
    assert "restart" in caplog.text
    for run_id, run in runs.items():
        for name, value in run.final.items():
            torch.testing.assert_close(value, alone[run_id].final[name], rtol=1e-6, atol=1e-9)


def test_an_error_that_came_of_a_full_memory_is_told_from_others() -> None:
    """By what it was raised from, or while."""
    late = RuntimeError("capture")
    late.__context__ = torch.OutOfMemoryError("full")
    assert out_of_memory(late)
    other = RuntimeError("capture")
    other.__cause__ = ValueError("else")
    assert not out_of_memory(other)


def test_other_errors_and_a_single_network_that_does_not_fit_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Halving helps against neither."""
    monkeypatch.setattr(zoo.training.trainer, "engine_of", lambda *arguments: Full(arguments[2], arguments[3]))
    monkeypatch.setattr(Full, "error", RuntimeError("shapes do not match"))
    recipes = [BASE.replace(seed=seed) for seed in range(3)]
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(train(recipes, fleet=3))
    assert not out_of_memory(RuntimeError("shapes do not match"))
    assert out_of_memory(on_the_cpu())


def test_bytes_of_a_member_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A linear layer keeps its input for backward, the softmax its output and cross-entropy the labels' like."""
    network = nn.Linear(100, 10)
    estimate = bytes_a_member(network, torch.zeros(50, 100))
    parameters = 4 * (100 * 10 + 10)
    least = STATE_COPIES * parameters + ACTIVATION_COPIES * 4 * 50 * (100 + 10)
    assert least <= estimate <= least + ACTIVATION_COPIES * (8 * 50 + 64)  # int64 labels, and a total weight

    monkeypatch.setattr("zoo.training.engines.fleet_memory.free_memory", lambda device: 10.6 * estimate / 0.8)  # noqa: ARG005
    assert largest_fleet(network, torch.zeros(50, 100)) == 10
    monkeypatch.setattr("zoo.training.engines.fleet_memory.free_memory", lambda device: 0.0)  # noqa: ARG005
    assert largest_fleet(network, torch.zeros(50, 100)) == 1
