"""Where all that a network knows of its input is one tensor: the places between its blocks.

A network is a composition F = f_k o ... o f_1 at the tensors through which every path from input to logits leads: the
activations between the layers of a plain network, those between the blocks of a residual one, where no skip is open.
They are found by watching one forward pass, function call by function call, and counted in calls, so that the same
place can be met in every other pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.activations.torch_calls import LAYERS, tensors, track_modules

COPIES: Final = 5  # of one example are watched: a tensor of five rows has one for each example

Visit = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A tensor that all paths lead through.

    Attributes:
        call: which function call makes it, counted from one; zero for the input of the network.
        layer: name of the first layer after it.
    """

    call: int
    layer: str


@shared
def bottlenecks(subject: Subject) -> list[Bottleneck]:
    """The input, and the last place before each layer that comes after another, in the order of execution.

    Raises:
        UnsupportedModelError: the network has no convolution or linear layer that could be seen.
    """
    example = subject.inputs[:1].repeat(COPIES, *[1] * (subject.inputs.dim() - 1))
    with torch.no_grad(), track_modules(subject.model) as path:
        watch = _Watch(example, path)
        with watch:
            subject.logits_of(example)
    if not watch.layers:
        raise UnsupportedModelError("The network has no convolution or linear layer that could be seen.")
    bottlenecks = watch.bottlenecks()
    first = watch.layers[0]
    found = {0: Bottleneck(0, first[1])}
    for call, name in watch.layers[1:]:
        before = max((b for b in bottlenecks if first[0] <= b < call), default=0)
        found.setdefault(before, Bottleneck(before, name))
    return [found[call] for call in sorted(found)]


def hidden_bottlenecks(subject: Subject) -> list[Bottleneck]:
    """The places behind the first layer.

    Raises:
        UnsupportedModelError: there is none, as in a network of one layer.
    """
    hidden = bottlenecks(subject)[1:]
    if not hidden:
        raise UnsupportedModelError("The network has no hidden layer that everything passes through.")
    return hidden


def forward_with_visitor(subject: Subject, inputs: Tensor, visit: Visit) -> Tensor:
    """Logits [n, k] of `inputs` [n, c, h, w]; `visit` sees each bottleneck by number and returns its replacement.

    The input of the network is bottleneck 0.

    Raises:
        UnsupportedModelError: the calls are not those of the pass that was watched.
    """
    found = bottlenecks(subject)
    mode = _VisitBottlenecks({place.call: number for number, place in enumerate(found)}, visit, len(inputs))
    start = visit(0, inputs)
    with mode:
        logits = subject.logits_of(start)
    if mode.met != len(found) - 1:
        raise UnsupportedModelError("The network does not make the same function calls in every forward pass.")
    return logits


@dataclass
class _Value:
    """An activation: when it was made, when it is used for the last time, and whether it has a row for each example."""

    made: int
    last_used: float
    by_example: bool


class _Watch(TorchFunctionMode):
    """Follows the life of every activation of one forward pass."""

    def __init__(self, example: Tensor, path: list[str]) -> None:
        super().__init__()
        self.path = path
        self.calls = 0
        self.values = [_Value(0, 0, by_example=True)]
        self.current = {id(example): 0}  # number of the value that a tensor holds now
        self.held = [example]  # so that no id is given away twice
        self.layers: list[tuple[int, str]] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function and note what it uses and makes."""
        del types
        self.calls += 1
        used = [self.current[id(t)] for t in tensors((args, kwargs or {})) if id(t) in self.current]
        outcome = func(*args, **(kwargs or {}))
        results = list(tensors(outcome))
        if used and results:
            for number in used:
                self.values[number].last_used = self.calls
            if func in LAYERS:
                self.layers.append((self.calls, self.path[-1]))
            for result in results:
                self.held.append(result)
                self.current[id(result)] = len(self.values)
                self.values.append(_Value(self.calls, 0, result.dim() > 1 and len(result) == COPIES))
        return outcome

    def bottlenecks(self) -> list[int]:
        """Calls after which exactly one activation will be used again, which has a row for each example."""
        found = []
        for value in self.values[1:]:
            alive = [v for v in self.values if v.made <= value.made < v.last_used]
            if alive == [value] and value.by_example:
                found.append(value.made)
        return found


class _VisitBottlenecks(TorchFunctionMode):
    """Counts function calls and hands over what is made at the places."""

    def __init__(self, numbers: dict[int, int], visit: Visit, rows: int) -> None:
        super().__init__()
        self.numbers, self.visit, self.rows = numbers, visit, rows
        self.calls = self.met = 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function."""
        del types
        self.calls += 1
        outcome = func(*args, **(kwargs or {}))
        if self.calls in self.numbers:
            if not isinstance(outcome, Tensor) or outcome.shape[:1] != (self.rows,):
                raise UnsupportedModelError("The network does not make the same function calls in every forward pass.")
            self.met += 1
            return self.visit(self.numbers[self.calls], outcome)
        return outcome


def norm_squared(activation: Tensor) -> Tensor:
    """Squared Euclidean norm [n] of each row of an activation [n, ...]."""
    return activation.flatten(1).square().sum(1)
