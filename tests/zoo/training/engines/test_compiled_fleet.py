"""Fleets whose steps are compiled or recorded train the networks of the plain loop, whatever placeholders fill them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.zoo.training.engines.crews import agree, batches, members_of, trained
from zoo.corruptions import PreparedData
from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES
from zoo.training.engines.compiled_fleet import WARM_UP_STEPS, Recorder, SteadyFleet, cuda_graph
from zoo.training.engines.stacked_fleet import Batch, Member, StackedFleet
from zoo.training.gradient_rules import GradientRules
from zoo.training.objectives import Objective
from zoo.training.train import network_of

RECORDERS: dict[str, Recorder | None] = {"eager": None, "graph": cuda_graph}


class Tape(TorchDispatchMode):
    """What a device was asked to do: operations on memory, without the Python that asked for them."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.done: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Keep an operation with all that it read and wrote."""
        assert func is not torch.ops.aten._local_scalar_dense.default, "a recording cannot wait for a number"
        result = func(*args, **(kwargs or {}))
        self.done.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        """Do it all again, each answer into the memory of the first."""
        with torch.no_grad():
            for func, args, kwargs, result in self.done:
                for old, new in zip(tree_leaves(result), tree_leaves(func(*args, **kwargs)), strict=True):
                    if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


def taped(function: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Records as a device does: some calls to warm up, then one whose operations every replay repeats in place."""
    for _ in range(WARM_UP_STEPS):
        function()
    with Tape() as tape:
        answer = function()

    def replay() -> Tensor:
        tape.replay()
        return answer

    return replay


@pytest.mark.parametrize("model", FAMILIES)
def test_a_recorded_fleet_trains_as_it_would_unrecorded(model: str, data: PreparedData) -> None:
    """What recording did to weights, moments and statistics is undone; replays see new batches and new rates."""
    recipe = Recipe(model=model, train_size=128)
    network = network_of(recipe, data).double()
    recorded = SteadyFleet(network, "adamw" if model == "vit" else "sgd", recorder=taped)
    agree(recorded, StackedFleet(network, "adamw" if model == "vit" else "sgd"), members_of(recipe, data), data)


@pytest.mark.parametrize(
    "own",
    [
        {"momentum": 0.5},
        {"weight_decay": 0.3},
        {"objective": Objective(label_smoothing=0.3)},
        {"objective": Objective(spectral_decoupling=0.3)},
        {"objective": Objective(logit_scale=torch.linspace(0.5, 1.5, 10))},
        {"rules": GradientRules(clip_norm=0.01)},
    ],
    ids=lambda own: next(iter(own)),
)
@pytest.mark.parametrize("which", [0, 3])
def test_a_recording_does_not_outlive_what_it_reads(which: int, own: dict[str, Any], data: PreparedData) -> None:
    """What one member has for itself is its own after every change of the crew."""
    recipe = Recipe(train_size=128)
    network = network_of(recipe, data).double()
    members = members_of(recipe, data)
    members[which] = dataclasses.replace(members[which], **own)
    agree(SteadyFleet(network, "sgd", recorder=taped), StackedFleet(network, "sgd"), members, data)


def test_no_gradient_is_added_on_the_stream_of_an_earlier_step(data: PreparedData) -> None:
    """What adds into a parameter's gradient remembers the stream it was made on; kept, it would end a recording."""
    recipe = Recipe(train_size=128)
    fleet = SteadyFleet(network_of(recipe, data).double(), "sgd", recorder=taped)
    fleet.change([], members_of(recipe, data)[:2])
    seen: list[bool] = []

    def nodes() -> list[dict[str, bool]]:
        found: list[Any] = [get_gradient_edge(parameter).node for parameter in fleet._parameters.values()]
        return [node.metadata for node in found]

    def marking(batch: Batch) -> Tensor:
        seen.extend("made" in marks for marks in nodes())
        losses = losses_of(batch)
        for marks in nodes():
            marks["made"] = True
        return losses

    losses_of = fleet._losses
    fleet._losses = marking  # type: ignore[method-assign]
    (batch,) = batches(data, [0, 1], 0, 1)
    fleet.attacked(batch, torch.full((2, 1, 1, 1, 1), 0.1, dtype=torch.float64), 1)
    fleet.step(batch)

    assert len(seen) == (1 + WARM_UP_STEPS + 1) * len(fleet._parameters)
    assert not any(seen)
    kept = marking(batch)
    marking(batch)
    del kept
    assert any(seen), "a graph that lives keeps them, or this test would see nothing"


def test_a_compiled_fleet_trains_as_it_would_uncompiled(data: PreparedData) -> None:
    """Traced forward and backward, without a compiler for the last stage: that is the machine's own."""
    recipe = Recipe(train_size=128, depth=1)
    network = network_of(recipe, data).double()
    compiled = SteadyFleet(network, "adamw", backend="aot_eager")
    agree(compiled, StackedFleet(network, "adamw"), members_of(recipe, data), data)


def test_placeholders_draw_no_noise(data: PreparedData) -> None:
    """A member whose gradients are noisy sees the noise of its stream, though placeholders copy it."""
    recipe = Recipe(train_size=128)
    network = network_of(recipe, data).double()
    fleets = (SteadyFleet(network, "sgd", recorder=taped), StackedFleet(network, "sgd"))
    results = []
    for fleet in fleets:
        stream = torch.Generator().manual_seed(0)
        noisy = GradientRules(noise_scale=0.01, noise=stream)
        members = members_of(recipe, data)
        members[2] = Member(state=members[2].state, learning_rate=0.01, rules=noisy)
        results.append(trained(fleet, members, data)[0])

    torch.testing.assert_close(results[0], results[1])


def test_inputs_are_attacked_alike(data: PreparedData) -> None:
    """Adversarial inputs of real members, among placeholders."""
    recipe = Recipe(train_size=128)
    network = network_of(recipe, data).double()
    (batch,) = batches(data, [0, 1, 2], 0, 1)
    radius = torch.full((3, 1, 1, 1, 1), 0.1, dtype=torch.float64)
    moved = []
    for fleet in (SteadyFleet(network, "sgd", recorder=taped), StackedFleet(network, "sgd")):
        fleet.change([], members_of(recipe, data)[:3])
        moved.append(fleet.attacked(batch, radius, 2))

    assert moved[1].shape == batch.inputs.shape
    assert float((moved[1] - batch.inputs).abs().max()) > 0.05
    torch.testing.assert_close(moved[0], moved[1])


def test_new_rates_are_written_where_a_recorded_step_reads_them(data: PreparedData) -> None:
    """A replay on a device reads addresses, which a recorder in the processor's memory cannot show."""
    recipe = Recipe(train_size=128)
    fleet = SteadyFleet(network_of(recipe, data).double(), "adamw", recorder=taped)
    fleet.change([], members_of(recipe, data)[:3])
    before = fleet._rates.data_ptr(), fleet._rate.data_ptr(), fleet._steps.data_ptr()
    fleet.set_rates([0.1, 0.2, 0.3])

    assert (fleet._rates.data_ptr(), fleet._rate.data_ptr(), fleet._steps.data_ptr()) == before
    assert fleet._rates.tolist() == [0.1, 0.2, 0.3, 0.3], "the last is a placeholder's"


def test_sizes_are_powers_of_two(data: PreparedData) -> None:
    """So few sizes are compiled or recorded: 3, 2, 3 and 3 members are 4, 2, 4, and 4 still, in the same memory."""
    calls = []

    def counting(function: Callable[[], Tensor]) -> Callable[[], Tensor]:
        calls.append(len(function()))
        return function

    recipe = Recipe(train_size=128)
    trained(SteadyFleet(network_of(recipe, data).double(), "sgd", recorder=counting), members_of(recipe, data), data)

    assert calls == [4, 2, 4]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("recorder", RECORDERS)
@pytest.mark.parametrize("backend", [None, "inductor"])
@pytest.mark.parametrize("model", FAMILIES)
def test_all_engines_agree_on_a_gpu(model: str, backend: str | None, recorder: str, data: PreparedData) -> None:
    """Compiled, recorded and both, against the stacked fleet and its single members against the loop."""
    recipe = Recipe(model=model, train_size=128)
    network = network_of(recipe, data).double().cuda()
    members = [
        Member(state={name: value.cuda() for name, value in m.state.items()}, learning_rate=m.learning_rate)
        for m in members_of(recipe, data)
    ]
    fleet = SteadyFleet(network, "sgd", backend=backend, recorder=RECORDERS[recorder])
    agree(fleet, StackedFleet(network, "sgd"), members, data)
