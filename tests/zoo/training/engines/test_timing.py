"""Choosing an engine and a size by timing, and remembering it."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from zoo.errors import EngineError
from zoo.recipe import Recipe
from zoo.training.engines.modes import differs, offered
from zoo.training.engines.timing import SIZES, Choice, Trial, decided, timed
from zoo.training.record import Record
from zoo.training.train import data_of, network_of, shape_of, train
from zoo.training.trainer import Trainer

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
BASE = Recipe(train_size=64, batch_size=16, max_epochs=3, target_loss=0.0, width=0.25)


def trial(seconds: Mapping[str, float | Exception] | float, **changes: Any) -> Trial:
    """Sixteen networks whose steps take these seconds, by what is tried; an error is raised."""

    def timing(choice: Choice) -> float:
        taken = seconds if isinstance(seconds, float) else seconds.get(str(choice), 1.0)
        if isinstance(taken, Exception):
            raise taken
        return taken

    given: dict[str, Any] = {"networks": 16, "device": CPU, "mode": "auto", "size": "auto", "steps": 10}
    given["modes"] = [mode for mode in offered(changes.get("device", CPU)) if mode != "channels_last"]
    return Trial(**{**given, "largest": lambda: 1000, **changes}, seconds=timing)


def test_the_least_time_for_all_networks_wins() -> None:
    """Sixteen steps of 1 s, eight of 1.5 s, four of 2 s, two of 5 s, one of 10 s: four side by side are done first."""
    times: dict[str, float | Exception] = {"fleet 2": 1.5, "fleet 4": 2.0, "fleet 8": 5.0, "fleet 16": 10.0}
    found, seconds, absent = timed(trial(times))

    assert found == Choice("fleet", 4)
    assert seconds == {"loop 1": 16.0, "fleet 2": 12.0, "fleet 4": 8.0, "fleet 8": 10.0, "fleet 16": 10.0}
    assert not absent


@pytest.mark.parametrize(
    ("networks", "sizes"), [(6, [1, 2, 3, 6]), (18, [1, 2, 4, 6, 9, 18]), (40, [1, 2, 4, 8, 14, 20]), (2, [1, 2])]
)
def test_sizes_on_a_processor_leave_no_small_rest(networks: int, sizes: list[int]) -> None:
    """The least fleets for as many rounds as powers of two would take; none is larger than 32."""
    _, seconds, _ = timed(trial(1.0, networks=networks))

    assert list(seconds) == [f"{'fleet' if n > 1 else 'loop'} {n}" for n in sizes]


def test_no_larger_size_is_tried_after_two_without_a_gain() -> None:
    """Seconds that grow with the size: 1, 2, 4 are tried, and 8 is not."""
    _, seconds, _ = timed(trial({"loop 1": 1.0, "fleet 2": 3.0, "fleet 4": 6.0}))
    assert list(seconds) == ["loop 1", "fleet 2", "fleet 4"]


def test_an_engine_that_does_not_start_is_left_out_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    """A recording that fails, a compiler that is missing; the others are timed."""
    broken: dict[str, float | Exception] = {"loop 1": 1.0, "compiled 16": RuntimeError("no compiler\nat all")}
    broken |= {f"graph {size}": RuntimeError("cannot be recorded") for size in SIZES}
    broken |= {f"fleet {size}": 1.0 for size in SIZES} | {"compiled_graph 16": 0.25}
    found, seconds, absent = timed(trial(broken, device=CUDA, steps=1000))

    assert found == Choice("compiled_graph", 16)
    assert not any(name.startswith("graph") for name in seconds)
    assert absent["graph 1"] == "RuntimeError: cannot be recorded"
    assert absent["compiled 16"] == "RuntimeError: no compiler"
    assert "compiled 16 is left out. RuntimeError: no compiler" in caplog.text


def test_compilers_may_fail_in_ways_of_their_own() -> None:
    """A wrong size in what was generated; the same from another engine is a mistake of gapbench, and is raised."""
    wrong = AssertionError("expected size 4, got 5")
    found, _, absent = timed(trial({"compiled 16": wrong, "compiled_graph 16": wrong}, device=CUDA, steps=1000))
    assert found.mode not in {"compiled", "compiled_graph"}
    assert absent["compiled 16"] == "AssertionError: expected size 4, got 5"
    with pytest.raises(AssertionError):
        timed(trial({"fleet 2": wrong}, device=CUDA))


def test_compiling_must_be_repaid() -> None:
    """At 1 s for a step of all, 299 steps are too few to compile for, and 301 are not."""
    short, long = (timed(trial(1.0, device=CUDA, steps=steps))[1] for steps in (299, 301))
    assert "compiled 16" not in short
    assert "compiled 16" in long


def test_a_full_memory_ends_the_search() -> None:
    """Sizes above the one that did not fit, or above the estimate, are not tried."""
    full: dict[str, float | Exception] = {"loop 1": 8.0, "fleet 2": 4.0, "fleet 4": torch.OutOfMemoryError("full")}
    found, seconds, absent = timed(trial(full))
    assert (found, list(seconds)) == (Choice("fleet", 2), ["loop 1", "fleet 2"])
    assert absent == {"fleet 4": "OutOfMemoryError: full"}

    found, seconds, absent = timed(trial({"loop 1": 8.0, "fleet 2": 4.0, "fleet 4": 1.0}, largest=lambda: 3))
    assert (found, list(seconds)) == (Choice("fleet", 2), ["loop 1", "fleet 2"])
    assert absent == {"size 4": "An estimate lets 3 fit the memory."}


def test_where_nothing_starts_the_first_reason_is_raised() -> None:
    """So that the user learns what is wrong with the network."""
    with pytest.raises(RuntimeError, match="the loop fails"):
        timed(trial({"loop 1": RuntimeError("the loop fails")} | {f"fleet {n}": RuntimeError("too") for n in SIZES}))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"size": 1}, Choice("loop", 1)),
        ({"size": 4}, Choice("fleet", 4)),
        ({"size": 40}, Choice("fleet", 16)),
        ({"mode": "loop"}, Choice("loop", 1)),
        ({"mode": "channels_last"}, Choice("channels_last", 1)),
        ({"mode": "compiled", "size": 4}, Choice("compiled", 4)),
        ({"networks": 1}, Choice("loop", 1)),
        ({}, None),
        ({"mode": "fleet"}, None),
        ({"size": 4, "device": CUDA}, None),
    ],
)
def test_nothing_is_timed_where_one_choice_is_left(asked: dict[str, Any], answer: Choice | None) -> None:
    """What the user asked for is done."""
    assert decided(trial(1.0, **asked)) == answer


def test_a_mode_that_was_asked_for_is_taken_at_its_best_size() -> None:
    """Compiled at the size that a plain fleet is best at, however slow; the sizes of the fleet are no answer."""
    times: dict[str, float | Exception] = {"fleet 2": 2.0, "fleet 4": 1.0, "fleet 8": 9.0, "fleet 16": 9.0}
    found, seconds, _ = timed(trial(times | {"compiled 4": 100.0}, mode="compiled"))
    assert (found, list(seconds)) == (Choice("compiled", 4), ["compiled 4"])


def test_a_mode_without_a_gpu_and_a_loop_of_several_are_refused() -> None:
    """Said before anything is trained."""
    with pytest.raises(EngineError, match=r"mode graph needs a GPU.*Use loop, channels_last, fleet, compiled\."):
        list(train([BASE], mode="graph"))
    with pytest.raises(EngineError, match=r"mode loop must have a fleet of 1; got 2"):
        list(train([BASE], mode="loop", fleet=2))
    with pytest.raises(EngineError, match=r"mode channels_last must have a fleet of 1; got 2"):
        list(train([BASE], mode="channels_last", fleet=2))
    assert offered(CPU) == ("loop", "channels_last", "fleet")


def test_channels_last_is_timed_for_networks_with_convolutions_alone() -> None:
    """It is another loop: timed at a fleet of one, and of no other size; without convolutions it is the same loop."""
    times: dict[str, float | Exception] = {"loop 1": 2.0, "channels_last 1": 1.0, "fleet 2": 2.5}
    found, seconds, _ = timed(trial(times, networks=2, modes=offered(CPU)))
    assert (found, list(seconds)) == (Choice("channels_last", 1), ["loop 1", "channels_last 1", "fleet 2"])

    mlp, nin = (network_of(r, data_of(r)) for r in (BASE, BASE.replace(model="nin")))
    assert [differs("channels_last", network) for network in (mlp, nin)] == [False, True]
    assert differs("loop", mlp)


class Dictionary:
    """Remembers as long as it lives."""

    def __init__(self) -> None:
        self.kept: dict[str, Choice] = {}
        self.timings: dict[str, Mapping[str, float]] = {}

    def recall(self, question: str) -> Choice | None:
        """See `Remembered`."""
        return self.kept.get(question)

    def keep(self, question: str, choice: Choice, seconds: Mapping[str, float], absent: Mapping[str, str]) -> Choice:  # noqa: ARG002
        """See `Remembered`."""
        self.timings[question] = seconds
        return self.kept.setdefault(question, choice)


def test_a_choice_is_remembered_for_its_question() -> None:
    """A second training chooses as the first; another number of networks is another question."""
    remembered = Dictionary()
    recipes = [BASE.replace(seed=seed) for seed in range(3)]
    runs = list(train(recipes, remembered=remembered))
    (question,) = remembered.kept
    parts = json.loads(question)
    assert parts["networks"] == 3
    assert parts["shape"] == shape_of(BASE).changed()
    assert {"device", "threads", "torch", "precision", "mode", "size"} <= parts.keys()
    assert {str(Choice("loop", 1)), str(Choice("fleet", 2)), str(Choice("fleet", 3))} >= remembered.timings[
        question
    ].keys()
    assert {(run.record.mode, run.record.fleet) for run in runs} == {
        (remembered.kept[question].mode, remembered.kept[question].size)
    }

    remembered.kept[question] = Choice("fleet", 2)
    assert {run.record.fleet for run in train(recipes, remembered=remembered)} == {2}
    list(train(recipes[:2], remembered=remembered))
    assert len(remembered.kept) == 2


def test_a_memory_that_was_full_in_a_recording_ends_the_search_too() -> None:
    """Told by what the error was raised from; the exception then holds nothing of the engine."""
    late = RuntimeError("capture")
    late.__context__ = torch.OutOfMemoryError("full")
    found, seconds, _ = timed(trial({"loop 1": 8.0, "fleet 2": 4.0, "fleet 4": late}))
    assert (found, list(seconds)) == (Choice("fleet", 2), ["loop 1", "fleet 2"])
    assert late.__context__ is None


def test_a_record_names_its_mode_and_one_from_before_has_none() -> None:
    """An old record loads; a solved network has no engine."""
    runs = list(train([BASE, BASE.replace(seed=1)], fleet=2, precision="bf16"))
    assert {(run.record.mode, run.record.precision) for run in runs} == {("fleet", "bf16")}
    (loop,) = train([BASE], fleet=1)
    assert (loop.record.mode, loop.record.precision) == ("loop", "float32")
    (solved,) = train([Recipe(model="theorem1", train_size=32)])
    assert solved.record.mode is None
    old = {
        name: value
        for name, value in {f: getattr(loop.record, f) for f in loop.record.__dataclass_fields__}.items()
        if name not in ("mode", "precision")
    }
    assert Record.from_json(old).mode is None


def test_trainer_runs_a_fleet_by_default() -> None:
    """Retraining for a measure requests it."""
    from zoo.training.member import Job

    jobs = [Job(recipe=BASE.replace(seed=seed), data=data_of(BASE)) for seed in range(2)]
    trainer = Trainer(shape_of(BASE), jobs, CPU, torch.float32)
    assert {run.record.mode for run in trainer.run(2)} == {"fleet"}
