"""Find low-rank adapters: x W^T + s (x A^T) B^T, which is one layer of weight W + s B A (Hu et al. 2022)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from measures.passes.activations.layer_calls import LayerCall, matched_layer
from measures.passes.activations.tracing import Step

PASSED: Final = {"dropout", "scale"}  # that may stand between the products of an adapter; dropout does nothing


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """A layer with a low-rank adapter.

    Attributes:
        base: the step of the layer.
        total: the step that adds the adapter to it.
        beside: the other steps of the adapter.
        weight: what the adapter adds to the weight of the layer [out, in].
        bias: what it adds to the bias [out]; None if nothing.
    """

    base: Step
    total: Step
    beside: tuple[Step, ...]
    weight: Tensor
    bias: Tensor | None


def find_adapters(steps: Sequence[Step]) -> list[Adapter]:
    """Every layer with an adapter, where nothing else uses what is inside."""
    search = _Search(steps)
    return [adapter for step in steps if (adapter := search.at(step)) is not None]


class _Search:
    """Looks from a sum back to its terms."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.made_by = {number: step for step in steps for number, _ in step.outputs}
        self.uses = Counter(number for step in steps for number in step.inputs.values())

    def at(self, step: Step) -> Adapter | None:
        """The adapter that a step adds to a layer."""
        numbers = list(step.inputs.values())
        if step.operation != "add" or step.kwargs or len(numbers) != 2:  # noqa: PLR2004  terms
            return None
        for first, second in (numbers, numbers[::-1]):
            base, beside = self._layer(first), self._low_rank(second)
            if base is None or beside is None:
                continue
            (below, call), (steps, factor, (down, lower), (up, upper)) = base, beside
            rank, (out, into) = lower.weight.shape[0], call.weight.shape
            fits = upper.weight.shape == (out, rank) and lower.weight.shape[1] == into and rank < min(out, into)
            if fits and self._root(down) == self._root(below):
                weight = factor * upper.weight @ lower.weight
                biases = [upper.bias, None if lower.bias is None else upper.weight @ lower.bias]
                found = [factor * bias for bias in biases if bias is not None]
                bias = sum(found[1:], found[0]).detach() if found else None
                return Adapter(below, step, (*steps, down, up), weight.detach(), bias)
        return None

    def _layer(self, number: int) -> tuple[Step, LayerCall] | None:
        """The linear layer that makes an activation which is used once."""
        step = self.made_by.get(number)
        if step is None or self.uses[number] > 1:
            return None
        call = matched_layer(step)
        return (step, call) if call is not None and call.weight.dim() == 2 and call.axis == -1 else None  # noqa: PLR2004

    def _low_rank(self, number: int) -> tuple[list[Step], float, tuple[Step, LayerCall], tuple[Step, LayerCall]] | None:
        """Steps and factor beside two layers in a row, and the lower and the upper one."""
        passed, factor, number = self._through(number)
        upper = self._layer(number)
        if upper is None:
            return None
        more, other, number = self._through(next(iter(upper[0].inputs.values())))
        lower = self._layer(number)
        return None if lower is None else ([*passed, *more], factor * other, lower, upper)

    def _through(self, number: int) -> tuple[list[Step], float, int]:
        """The steps of PASSED that lead to an activation, their factor, and what they start from."""
        steps: list[Step] = []
        factor = 1.0
        while (step := self.made_by.get(number)) is not None and step.operation in PASSED and self.uses[number] == 1:
            steps.append(step)
            factor *= _factor(step)
            number = next(iter(step.inputs.values()))
        return steps, factor, number

    def _root(self, layer: Step) -> int:
        """The activation that a layer maps, before dropout."""
        number = next(iter(layer.inputs.values()))
        while (step := self.made_by.get(number)) is not None and step.operation == "dropout":
            number = next(iter(step.inputs.values()))
        return number


def _factor(step: Step) -> float:
    """Factor of a product with positive numbers or a quotient by one; one for dropout in eval mode."""
    if step.operation == "dropout":
        return 1.0
    numbers: Iterator[float] = (arg for arg in step.args if isinstance(arg, int | float))
    value = next(numbers, 1.0)
    return 1 / value if "div" in step.name else value
