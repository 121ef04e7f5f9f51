"""Recognise calls that are linear layers: convolutions, matrix products with a weight, embeddings of tokens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import torch
from torch import Tensor
from torch.nn import functional

from measures.passes.activations.torch_calls import LAYERS, layer_call
from measures.passes.activations.tracing import Step

PRODUCTS: Final = frozenset({
    torch.matmul, torch.mm, Tensor.matmul, Tensor.mm, Tensor.__matmul__, Tensor.__rmatmul__,
})  # fmt: skip
SUMS: Final = frozenset({torch.addmm, Tensor.addmm})

Apply = Callable[[tuple[Any, ...], Mapping[str, Any], Tensor, Tensor | None], Tensor]


@dataclass(frozen=True, slots=True)
class LayerCall:
    """A call that is a layer.

    Attributes:
        weight: [out, in] or [out, in / groups, *kernel].
        bias: [out].
        axis: of the output that `out` lies along, counted from the end.
        options: of a convolution, its arguments by name, the input among them.
        apply: the call with other weights: its arguments, a weight and a bias to its output.
    """

    weight: Tensor
    bias: Tensor | None
    axis: int
    apply: Apply
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def geometry(self) -> dict[str, Any]:
        """Input size, stride, dilation and groups of a convolution; empty for other layers."""
        if not self.options:
            return {}
        dims = int(self.weight.dim()) - 2

        def numbers(option: int | Sequence[int]) -> tuple[int, ...]:
            given = (option,) if isinstance(option, int) else tuple(option)
            return given * (dims // len(given))

        return {
            "input_size": tuple(self.options["input"].shape[-dims:]),
            "stride": numbers(self.options.get("stride", 1)),
            "dilation": numbers(self.options.get("dilation", 1)),
            "groups": int(self.options.get("groups", 1)),
        }


def matched_layer(step: Step) -> LayerCall | None:
    """The layer that a call is; None where it is none, or its weight is computed from activations."""
    if step.func in LAYERS:
        return _torch_layer(step)
    if step.func in PRODUCTS and len(step.args) == 2:  # noqa: PLR2004  the factors
        return _product(step, reverse=step.func is Tensor.__rmatmul__)
    if step.func in SUMS and len(step.args) == 3 and not step.kwargs:  # noqa: PLR2004  a bias and the factors
        return _product_and_bias(step)
    if step.func is torch.einsum:
        return _einsum(step)
    if step.func is functional.embedding:
        return _embedding(step)
    return None


def _torch_layer(step: Step) -> LayerCall | None:
    call = layer_call(*step.args, **step.kwargs)
    if id(call["input"]) not in step.inputs or id(call["weight"]) in step.inputs or id(call["bias"]) in step.inputs:
        return None
    func = cast("Callable[..., Tensor]", step.func)

    def apply(args: tuple[Any, ...], kwargs: Mapping[str, Any], weight: Tensor, bias: Tensor | None) -> Tensor:
        return func(**{**layer_call(*args, **kwargs), "weight": weight, "bias": bias})

    axis = 1 - call["weight"].dim() if step.func is not functional.linear else -1
    return LayerCall(call["weight"], call["bias"], axis, apply, {} if step.func is functional.linear else call)


def _is_matrix(step: Step, tensor: object) -> bool:
    """Whether it is a matrix that was learned."""
    return isinstance(tensor, Tensor) and id(tensor) in step.weights and tensor.dim() == 2  # noqa: PLR2004  [in, out]


def _product(step: Step, *, reverse: bool) -> LayerCall | None:
    """An activation times a matrix [in, out], or a matrix [out, in] times an activation [..., in, positions]."""
    left, right = (1, 0) if reverse else (0, 1)
    if _is_matrix(step, step.args[right]) and id(step.args[left]) in step.inputs:
        return LayerCall(
            step.args[right].T, None, -1, lambda args, _, weight, bias: functional.linear(args[left], weight, bias)
        )
    if _is_matrix(step, step.args[left]) and id(step.args[right]) in step.inputs and step.args[right].dim() > 1:
        return LayerCall(
            step.args[left],
            None,
            -2,
            lambda args, _, weight, bias: functional.linear(args[right].transpose(-1, -2), weight, bias).transpose(
                -1, -2
            ),
        )
    return None


def _product_and_bias(step: Step) -> LayerCall | None:
    bias, activation, matrix = step.args
    if not _is_matrix(step, matrix) or id(activation) not in step.inputs or bias.shape != matrix.shape[1:]:
        return None
    return LayerCall(matrix.T, bias, -1, lambda args, _, weight, b: functional.linear(args[1], weight, b))


def _einsum(step: Step) -> LayerCall | None:
    """A contraction of one axis of an activation with a matrix."""
    equation, *rest = step.args
    factors = list(rest[0]) if len(rest) == 1 and isinstance(rest[0], list | tuple) else rest
    terms, _, output = equation.replace(" ", "").replace("...", ".").partition("->")
    names = terms.split(",")
    if len(factors) != 2 or len(names) != 2 or not output:  # noqa: PLR2004  an activation and a matrix
        return None
    at = 1 if _is_matrix(step, factors[1]) else 0
    activation, matrix = names[1 - at], names[at]
    if not _is_matrix(step, factors[at]) or id(factors[1 - at]) not in step.inputs or len(set(matrix)) != 2:  # noqa: PLR2004
        return None
    into, out = matrix if matrix[0] in activation else matrix[::-1]
    kept = activation.replace(into, "")
    if activation.count(into) != 1 or out in activation or sorted(output) != sorted(kept + out):
        return None

    def apply(args: tuple[Any, ...], _: Mapping[str, Any], weight: Tensor, bias: Tensor | None) -> Tensor:
        given = args[1:] if isinstance(args[1], Tensor) else args[1]
        moved = torch.einsum(f"{activation}->{kept}{into}".replace(".", "..."), given[1 - at])
        return torch.einsum(f"{kept}{out}->{output}".replace(".", "..."), functional.linear(moved, weight, bias))

    axis = output.index(out) - len(output)
    if "." in output[output.index(out) :]:
        return None
    return LayerCall(factors[at].T if matrix[0] == into else factors[at], None, axis, apply)


def _embedding(step: Step) -> LayerCall | None:
    """A row of a table for each token: a linear layer of their one-hot codes."""

    def apply(args: tuple[Any, ...], kwargs: Mapping[str, Any], weight: Tensor, bias: Tensor | None) -> Tensor:
        found = functional.embedding(args[0] if args else kwargs["input"], weight.T)
        return found if bias is None else found + bias

    given = {**dict(zip(("input", "weight"), step.args, strict=False)), **step.kwargs}
    if id(given["input"]) not in step.inputs or not _is_matrix(step, given["weight"]):
        return None
    return LayerCall(given["weight"].T, None, -1, apply)
