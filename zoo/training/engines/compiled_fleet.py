"""Fleets padded to a power of two so that their step can be compiled or captured as a CUDA graph.

Compiling takes seconds to minutes for every size, and recording some steps. So members that have left are replaced by
placeholders, copies whose results are not read, until half of the fleet is gone: sizes are powers of two.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from zoo.errors import EngineError
from zoo.training.engines.fleet_memory import out_of_memory
from zoo.training.engines.precision import Precision
from zoo.training.engines.stacked_fleet import Batch, Kind, Member, StackedFleet
from zoo.training.gradient_rules import GradientRules

WARM_UP_STEPS: Final = 3  # before a recording: libraries choose their kernels and make their workspaces
RECORDED_STATE: Final = (
    "_weights", "_gradient", "_parameters", "_moments", "_buffers", "_rates", "_rate", "_steps", "_momentum", "_decay",
)  # fmt: skip  # of a stacked fleet: what a step reads and writes beside its batch
COMPILED_SIZES: Final = 64  # torch gives up compiling after 8 by itself, silently; fleets have sizes 1 to 256


class NotRecordedError(EngineError):
    """A step cannot be recorded here; the message says why."""


class Recorder(Protocol):
    """Records what a function does on the device, and gives back what does it again."""

    def __call__(self, function: Callable[[], Tensor], /) -> Callable[[], Tensor]:
        """Call the function, more than once if need be; the answer repeats it on the same memory."""


class SteadyFleet(StackedFleet):
    """A stacked fleet padded to a power of two, its step compiled, recorded, or both.

    Args:
        network: gives the architecture, device and dtype.
        optimizer: "sgd" or "adamw".
        precision: of a step.
        backend: compiles forward and backward pass, a backend of torch.compile; none if None.
        recorder: records steps, `cuda_graph`; none if None.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: Kind,
        precision: Precision = "float32",
        *,
        backend: str | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._real = 0
        self._recorder = recorder
        self._replay: Callable[[], Tensor] | None = None
        super().__init__(network, optimizer, precision)
        if backend is not None:
            torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, COMPILED_SIZES)  # noqa: SLF001  torch.compile has no other place for it
            compiled: Any = functools.partial(torch.compile, backend=backend, dynamic=False)
            self._losses = compiled(self._losses)  # type: ignore[method-assign]
            self._update = compiled(self._update)  # type: ignore[method-assign]

    def step(self, batch: Batch) -> Tensor:
        """See `Fleet.step`."""
        if self._recorder is None or self._draws or batch.weights is not None:
            return super().step(self._padded(batch))[: self._real]
        if self._replay is None:
            self._replay = self._recorded(self._recorder, batch)
        self._static.inputs[: self._real].copy_(batch.inputs)
        self._static.labels[: self._real].copy_(batch.labels)
        if self._static.targets is not None and batch.targets is not None:
            self._static.targets[: self._real].copy_(batch.targets)
        return self._replay()[: self._real].clone()

    def attacked(self, batch: Batch, radius: Tensor, steps: int) -> Tensor:
        """See `Fleet.attacked`."""
        return super().attacked(self._padded(batch), self._pad(radius), steps)[: self._real]

    def set_rates(self, rates: Sequence[float]) -> None:
        """See `Fleet.set_rates`."""
        super().set_rates([*rates, *list(rates[-1:]) * self._placeholders])

    def change(self, keep: Sequence[int], admit: Sequence[Member]) -> None:
        """See `Fleet.change`; a recording lasts as long as the padded size, with new members in the places of old."""
        before = {name: getattr(self, name) for name in RECORDED_STATE} if self._lasting else {}
        self._real = len(keep) + len(admit)
        if admit:
            super().change(keep, [*admit, *[admit[-1]] * self._placeholders])
        else:
            super().change([*keep, *list(keep[-1:]) * self._placeholders], [])
        if not self._lasting or not self._written_back(before):
            self._replay = None

    @property
    def _lasting(self) -> bool:
        """Whether there is a recording that reads no tensors of its members' objectives and rules."""
        return self._replay is not None and self._objective.plain and self._rules.plain

    def _written_back(self, before: Mapping[str, Any]) -> bool:
        """Write what has changed to the addresses that the recording knows; False where it does not fit them."""
        if not before or before["_rates"].shape != self._rates.shape:
            return False
        was, now = before["_momentum"], self._momentum
        if isinstance(was, Tensor) != isinstance(now, Tensor) or not (isinstance(now, Tensor) or was == now):
            return False  # a number is part of the recording
        with torch.no_grad():
            for name in RECORDED_STATE:
                for old, new in zip(_tensors(before[name]), _tensors(getattr(self, name)), strict=True):
                    old.copy_(new)
                setattr(self, name, before[name])
        return True

    @property
    def _placeholders(self) -> int:
        return (1 << (self._real - 1).bit_length()) - self._real if self._real else 0

    @property
    def _draws(self) -> bool:
        """Whether a step draws random numbers, which a replay would repeat."""
        return any(member.rules.noise_scale for member in self._members)

    def _lay_out(self) -> None:
        """See `StackedFleet`; a placeholder must not draw from the stream of the member that it copies."""
        plain = GradientRules()
        placeholders = (dataclasses.replace(member, rules=plain) for member in self._members[self._real :])
        self._members = [*self._members[: self._real], *placeholders]
        super()._lay_out()

    def _pad(self, values: Tensor) -> Tensor:
        return (
            torch.cat([values, values[-1:].expand(self._placeholders, *values.shape[1:])])
            if self._placeholders
            else values
        )

    def _padded(self, batch: Batch) -> Batch:
        targets, weights = (None if values is None else self._pad(values) for values in (batch.targets, batch.weights))
        return Batch(inputs=self._pad(batch.inputs), labels=self._pad(batch.labels), targets=targets, weights=weights)

    def _recorded(self, recorder: Recorder, batch: Batch) -> Callable[[], Tensor]:
        """The recorded step; what recording did to the members is undone."""
        padded = self._padded(batch)
        self._static = Batch(
            inputs=padded.inputs.clone(),
            labels=padded.labels.clone(),
            targets=None if padded.targets is None else padded.targets.clone(),
        )
        step = super().step
        changing = [self._weights, *self._moments, self._steps, *self._buffers.values()]
        before = [value.detach().clone() for value in changing]
        replay = recorder(lambda: step(self._static))
        with torch.no_grad():
            for value, old in zip(changing, before, strict=True):
                value.copy_(old)
        return replay


def _tensors(value: object) -> list[Tensor]:
    """The tensors in an attribute of a fleet; none in a number."""
    if isinstance(value, Tensor):
        return [value]
    held = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return list(held)


@functools.cache
def _side_stream(device: int) -> torch.cuda.Stream:
    """Stream on which the steps of a device are recorded: a single one, since libraries keep a workspace for each."""
    return torch.cuda.Stream(device)


def cuda_graph(function: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """Record a function as a CUDA graph, after some calls on the stream on which it is recorded.

    Raises:
        NotRecordedError: it does what cannot be recorded.
        RuntimeError: the memory is full, see `zoo.training.engines.fleet_memory.out_of_memory`; or as the function.
    """
    with torch.cuda.stream(torch.cuda.current_stream()):  # which a recording that fails does not always put back
        stream = _side_stream(torch.cuda.current_device())
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP_STEPS):
                function()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, stream=stream):
                answer = function()
        except Exception as error:
            if out_of_memory(error):
                raise
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            raise NotRecordedError(f"The step must do nothing that a CUDA graph cannot hold; got {reason}") from error

    def replay() -> Tensor:
        graph.replay()
        return answer

    return replay
