"""Find bottleneck tensors: activations that every path from the input to the logits passes through.

A network is a composition F = f_k o ... o f_1 at its bottlenecks: the activations between the layers of a plain
network, those between the blocks of a residual one, where no skip is open. They are found by tracing one forward pass
and counted in function calls, so that the same bottleneck can be met in every other pass.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor
from torch.overrides import TorchFunctionMode

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.activations.torch_calls import LAYERS
from measures.passes.activations.tracing import ELEMENTWISE, Step, Trace, trace

COPIES: Final = 5  # of one example are watched: a tensor of five rows has one for each example

Visit = Callable[[int, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """A tensor that all paths pass through.

    Attributes:
        call: which function call makes it, counted from one; zero for the input of the network.
        layer: name of the first layer after it.
    """

    call: int
    layer: str


@shared
def bottlenecks(subject: Subject) -> list[Bottleneck]:
    """The input, and the last bottleneck before each layer that comes after another, in the order of execution.

    A layer here is every call that uses a learned matrix otherwise than elementwise.

    Raises:
        UnsupportedModelError: the network has no layer, or one that could not be traced.
    """
    found = trace(subject, {**subject.buffers, **subject.params}, COPIES)
    layers = [step for step in found.steps if _is_layer(step)]
    if not layers:
        raise UnsupportedModelError("The network has no convolution or linear layer that could be seen.")
    calls = _calls_of_bottlenecks(found)
    first = layers[0]
    chosen = {0: Bottleneck(0, first.module)}
    for layer in layers[1:]:
        before = max((call for call in calls if first.call <= call < layer.call), default=0)
        chosen.setdefault(before, Bottleneck(before, layer.module))
    return [chosen[call] for call in sorted(chosen)]


def _is_layer(step: Step) -> bool:
    return step.func in LAYERS or (any(step.matrices()) and step.operation not in ELEMENTWISE)


def _calls_of_bottlenecks(found: Trace) -> list[int]:
    """Calls after which exactly one activation will be used again, which has a row for each example.

    An operation that torch does not show uses its inputs up to the call that uses its result, which is not watched for.
    """
    made = {0: 0}
    last_used: dict[int, int] = {}
    by_example = {0}
    for step in found.steps:
        for number in step.inputs.values():
            last_used[number] = max(step.call, last_used.get(number, 0))
        for number, tensor in step.outputs:
            made[number] = step.call
            if step.func is not None and step.differentiable and tensor.dim() > 1 and len(tensor) == COPIES:
                by_example.add(number)
    calls = []
    for number in sorted(by_example - {0}):
        alive = [other for other, call in made.items() if call <= made[number] < last_used.get(other, 0)]
        if alive == [number]:
            calls.append(made[number])
    return calls


def hidden_bottlenecks(subject: Subject) -> list[Bottleneck]:
    """The bottlenecks behind the first layer.

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
        UnsupportedModelError: the calls are not those of the pass that was traced.
    """
    found = bottlenecks(subject)
    mode = _VisitBottlenecks({place.call: number for number, place in enumerate(found)}, visit, len(inputs))
    start = visit(0, inputs)
    with mode:
        logits = subject.logits_of(start)
    if mode.met != len(found) - 1:
        raise UnsupportedModelError("The network does not make the same function calls in every forward pass.")
    return logits


class _VisitBottlenecks(TorchFunctionMode):
    """Counts function calls and passes what is made at the bottlenecks to the visitor."""

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
