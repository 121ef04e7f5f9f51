"""One use of a weight on a batch, and the rule for the gradient of each example."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge


class Scratch:
    """Reusable memory for a few examples at a time; allocating it would cost more than the arithmetic."""

    def __init__(self, like: Tensor) -> None:
        self._room, self._used, self._wanted = like.new_empty(0), 0, 0

    def __call__(self, *shape: int) -> Tensor:
        """An uninitialised tensor of this shape."""
        size = math.prod(shape)
        start, self._used = self._used, self._used + size
        if self._used > len(self._room):
            return self._room.new_empty(shape)
        return self._room[start : self._used].view(shape)

    def clear(self) -> None:
        """Take back all tensors."""
        self._wanted, self._used = max(self._wanted, self._used), 0
        if self._wanted > len(self._room):
            self._room = self._room.new_empty(self._wanted)


# Rows of the batch and delta [s, ...] at them to gradients [s, *shape], which the caller may overwrite.
Rule = Callable[[slice, Tensor, Scratch], Tensor]


class NoFormulaError(Exception):
    """A parameter is used in a way for whose gradient there is no formula here."""


class AmbiguousBatchAxisError(NoFormulaError):
    """Another axis of the data is as long as the batch, so that the axis of the examples is ambiguous."""


@dataclass(eq=False)
class Use:
    """One operation of a weight on a batch.

    Attributes:
        weight: a parameter, or a function of parameters alone.
        rule: gradients of examples from those at the output.
        edge: where autograd finds the gradient at the output, whatever is done to the output in place later.
        floats: how many numbers the rule makes for one example.
        held: tensors that the rule reads, with torch's count of writes to them.
        beside: that of the bias of the same linear layer.
        jacobian: as `rule`, from k gradients at the output of each row [s, k, ...] to [s, k, *shape], at once.
        flat: input [b, in], output [b, out] and its count of writes, where the gradient is delta's outer product with
            the input.
    """

    weight: Tensor
    rule: Rule
    edge: GradientEdge
    floats: int
    held: list[tuple[Tensor, int]] = field(default_factory=list)
    flat: tuple[Tensor, Tensor | None, int] | None = None
    beside: "Use | None" = None
    jacobian: Rule | None = None

    @property
    def overwritten(self) -> bool:
        """Whether the network has worked in place on what the rule reads."""
        return any(tensor._version != version for tensor, version in self.held)  # noqa: SLF001  it has no other name


@dataclass(eq=False)
class Call:
    """The result of a call on a batch.

    Attributes:
        output: what it has returned.
        num_examples: b.
        is_weight: whether a tensor is a weight.
        kept: the data as it was, where the call has worked in place on it.
        edge: where autograd finds the gradient at the output, one for all uses.
    """

    output: Any
    num_examples: int
    is_weight: Callable[[object], bool]
    kept: Tensor | None = None
    edge: GradientEdge | None = None

    def use(self, weight: Tensor, rule: Rule, floats: int, *reads: Tensor) -> Use:
        """A use whose rule reads these tensors."""
        held = [(tensor, tensor._version) for tensor in reads]  # noqa: SLF001  it has no other name
        self.edge = self.edge or get_gradient_edge(self.output)
        return Use(weight, rule, self.edge, floats, held)

    def checked(self, data: object) -> Tensor:
        """The data, one entry an example."""
        if not isinstance(data, Tensor) or self.is_weight(data) or data.shape[:1] != (self.num_examples,):
            raise NoFormulaError("A weight must meet one entry for each example.")
        if self.num_examples > 1 and self.num_examples in data.shape[1:]:
            raise AmbiguousBatchAxisError(
                "Examples must be told from positions and channels; pass another number of them."
            )
        return data
