"""Per-example gradients of the loss, reduced as they are computed: one sweep serves every gradient measure.

The loss is the cross-entropy in nats, and a gradient is with respect to all parameters, in eval mode. Memory
is chunk x parameters, never examples x parameters.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar, cast

import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import cross_entropy, linear

from measures.api import CHUNK, Subject, shared
from measures.passes.gradients.layerwise import group_by_layer
from measures.passes.gradients.tape import Tape
from measures.passes.gradients.weight_uses import AmbiguousBatchAxisError, NoFormulaError, Scratch
from measures.passes.vectorization import vectorized_or_looped

FLOATS_AT_ONCE: Final = 2**26  # 256 MB of float32 for the gradients of one chunk
FLOATS_IN_CACHE: Final = 2**19  # 2 MB: what is made of one layer for some examples is still near when it is reduced
FLOATS_OF_INPUTS: Final = 2**17  # of the first chunk, before it is known how much a pass of the network holds
MIN_EXAMPLES: Final = 8  # of the first chunk, however large they are
EXAMPLES_AT_ONCE: Final = 2048  # of any chunk: more save nothing
SMALL: Final = 256  # parameters of layers whose gradients are reduced together, since calls would be all their cost

Sums = TypeVar("Sums", bound="_Norms")
Objective = Callable[[Tensor, Tensor], Tensor]  # logits [k] and the example's target to a scalar


@dataclass(frozen=True, slots=True)
class GradientStatistics:
    """Statistics of the gradients g_i of the loss at the n training examples.

    Attributes:
        squared_norms: ||g_i||^2 [n], in the order of the examples.
        dots: <w, g_i> [n] with the trained parameters w.
        mean: mean gradient over the examples, by parameter.
        mean_square: mean over the examples of the elementwise square, by parameter.
    """

    squared_norms: Tensor
    dots: Tensor
    mean: dict[str, Tensor]
    mean_square: dict[str, Tensor]


@shared
def gradient_statistics(subject: Subject) -> GradientStatistics:
    """Reductions of the gradients of all training examples, in one sweep."""
    return _sweep(subject, _Sums).statistics()


@shared
def gradient_norms(subject: Subject) -> Tensor:
    """The squared norms ||g_i||^2 [n] alone, in the order of the examples: a quicker sweep."""
    return _sweep(subject, _Norms).squared_norms


def gradients_of(
    subject: Subject,
    objective: Objective,
    inputs: Tensor,
    targets: Tensor,
    state: Mapping[str, Tensor] = MappingProxyType({}),
) -> dict[str, Tensor]:
    """Gradient of `objective` at each example, by parameter [b, *shape].

    Args:
        subject: the network.
        objective: logits [k] and a target to a scalar, differentiable in the logits.
        inputs: [b, c, h, w], a chunk of at most `chunk_size`.
        targets: [b, ...], one for each example.
        state: parameters and buffers other than those of the subject.
    """
    params = {name: state.get(name, p) for name, p in subject.params.items()}
    buffers = {name: state.get(name, b) for name, b in subject.buffers.items()}

    def at_one(params: dict[str, Tensor], x: Tensor, target: Tensor) -> Tensor:
        return objective(subject.forward({**buffers, **params}, x.unsqueeze(0)).squeeze(0), target)

    def side_by_side() -> dict[str, Tensor]:
        return cast("dict[str, Tensor]", vmap(grad(at_one), in_dims=(None, 0, 0))(params, inputs, targets))

    def one_by_one() -> dict[str, Tensor]:
        found = [_gradient(at_one, params, x, target) for x, target in zip(inputs, targets, strict=True)]
        return {name: torch.stack([gradients[name] for gradients in found]) for name in params}

    return vectorized_or_looped(subject, side_by_side, one_by_one)


def _gradient(
    at_one: Callable[[dict[str, Tensor], Tensor, Tensor], Tensor], params: dict[str, Tensor], x: Tensor, target: Tensor
) -> dict[str, Tensor]:
    """The gradient at one example, by parameter."""
    leaves = {name: p.detach().requires_grad_() for name, p in params.items()}
    with torch.enable_grad():
        loss = at_one(leaves, x, target)
    if not loss.requires_grad:
        return {name: torch.zeros_like(p) for name, p in params.items()}
    found = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
    return dict(zip(leaves, found, strict=True))


def chunk_size(subject: Subject) -> int:
    """Choose the number of examples whose gradients fit in FLOATS_AT_ONCE."""
    num_params = sum(p.numel() for p in subject.params.values())
    return max(1, min(CHUNK, FLOATS_AT_ONCE // num_params))


class _Norms:
    """Accumulator of a sweep: squared norms [n]."""

    def __init__(self, subject: Subject) -> None:
        self.squared_norms = torch.zeros(subject.num_examples, dtype=subject.dtype, device=subject.device)
        self.scratch = Scratch(self.squared_norms)

    def add(self, name: str, rows: slice, gradient: Tensor) -> None:  # noqa: ARG002  whichever it is of
        """Gradients [b, *shape] of these examples with respect to a parameter."""
        g = gradient.reshape(len(gradient), 1, -1)
        self.squared_norms[rows] += torch.bmm(g, g.transpose(1, 2)).view(-1)

    def add_small(self, gradients: dict[str, Tensor], rows: slice) -> None:
        """Gradients of these examples with respect to several parameters, side by side to save calls."""
        if gradients:
            self.add("", rows, torch.cat([gradient.reshape(len(gradient), -1) for gradient in gradients.values()], 1))

    def add_outer_products(
        self, weight: str, bias: str | None, rows: slice, a: Tensor, z: Tensor | None, delta: Tensor
    ) -> None:
        """Gradients delta_i a_i^T of the weight and delta_i of the bias of a linear layer: products of their norms."""
        del weight, z
        self.squared_norms[rows].addcmul_(delta.square().sum(1), a.square().sum(1) + (bias is not None))


class _Sums(_Norms):
    """Accumulator of a sweep: squared norms, products with the weights [n], sums and sums of squares by parameter."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.dots = torch.zeros_like(self.squared_norms)
        self._weights = {name: p.flatten() for name, p in subject.params.items()}
        self._total, self._total_square = (
            {name: torch.zeros_like(w) for name, w in self._weights.items()} for _ in range(2)
        )
        self._subject = subject

    def add(self, name: str, rows: slice, gradient: Tensor) -> None:
        """Gradients [b, *shape] of these examples with respect to a parameter."""
        g = gradient.reshape(len(gradient), -1)  # [b, p]
        ones, squares = g.new_ones(len(g)), torch.mul(g, g, out=self.scratch(*g.shape))
        self.squared_norms[rows] += squares.sum(1)
        self.dots[rows].addmv_(g, self._weights[name])
        self._total[name].addmv_(g.T, ones)
        self._total_square[name].addmv_(squares.T, ones)

    def add_small(self, gradients: dict[str, Tensor], rows: slice) -> None:
        """Gradients of these examples with respect to several parameters, side by side to save calls."""
        if not gradients:
            return
        sizes = [self._weights[name].numel() for name in gradients]
        g = torch.cat([gradient.reshape(len(gradient), -1) for gradient in gradients.values()], 1)
        squares = g.square()
        self.squared_norms[rows] += squares.sum(1)
        self.dots[rows].addmv_(g, torch.cat([self._weights[name] for name in gradients]))
        for name, total, total_square in zip(
            gradients, g.sum(0).split(sizes), squares.sum(0).split(sizes), strict=True
        ):
            self._total[name] += total
            self._total_square[name] += total_square

    def add_outer_products(
        self, weight: str, bias: str | None, rows: slice, a: Tensor, z: Tensor | None, delta: Tensor
    ) -> None:
        r"""Gradients delta_i a_i^T of the weight and delta_i of the bias of a linear layer with input a and output z.

        Their squared norms are ||delta_i||^2 ||a_i||^2 and ||delta_i||^2, their products with the weights sum to
        <delta_i, z_i>, and the sums over examples are matrix products: no gradient of an example is formed.
        """
        W, b = self._weights[weight].view(delta.shape[1], a.shape[1]), None if bias is None else self._weights[bias]
        a2, delta2 = a.square(), delta.square()
        self.squared_norms[rows].addcmul_(delta2.sum(1), a2.sum(1) + (b is not None))
        self.dots[rows] += (delta * (linear(a, W, b) if z is None else z)).sum(1)
        self._total[weight].view_as(W).addmm_(delta.T, a)
        self._total_square[weight].view_as(W).addmm_(delta2.T, a2)
        if bias is not None:
            self._total[bias] += delta.sum(0)
            self._total_square[bias] += delta2.sum(0)

    def statistics(self) -> GradientStatistics:
        """Means over the examples, now that all have been added."""
        n, params = len(self.dots), self._subject.params
        return GradientStatistics(
            self.squared_norms,
            self.dots,
            {name: (total / n).view_as(params[name]) for name, total in self._total.items()},
            {name: (total / n).view_as(params[name]) for name, total in self._total_square.items()},
        )


def _sweep(subject: Subject, kind: type[Sums]) -> Sums:
    """Accumulate the sums over all training examples."""
    sums = kind(subject)
    try:
        _sweep_by_layer(sums, subject)
    except NoFormulaError:
        sums = kind(subject)
        for rows in slices(subject.num_examples, chunk_size(subject)):
            gradients = gradients_of(subject, cross_entropy, subject.inputs[rows], subject.labels[rows])
            for name, gradient in gradients.items():
                sums.add(name, rows, gradient)
    return sums


def _sweep_by_layer(sums: _Norms, subject: Subject) -> None:
    """The quick path: passes of whole batches, then the gradients of some examples and one layer at a time."""
    size = max(MIN_EXAMPLES, min(EXAMPLES_AT_ONCE, FLOATS_OF_INPUTS // subject.inputs[0].numel()))
    start = 0
    while start < subject.num_examples:
        rows = slice(start, min(start + size, subject.num_examples))
        try:
            floats = _add_by_layer(sums, rows, subject)
        except AmbiguousBatchAxisError:  # raised before anything is added, and never by a single example
            size = rows.stop - start - 1
            continue
        start, size = rows.stop, max(1, min(EXAMPLES_AT_ONCE, FLOATS_AT_ONCE // floats))


@torch.no_grad()
def _add_by_layer(sums: _Norms, rows: slice, subject: Subject) -> int:
    """Add these examples; how many numbers the record of one of them holds."""
    y = subject.labels[rows]
    tape = Tape(subject, subject.inputs[rows], lambda logits: cross_entropy(logits, y, reduction="sum"))
    small, every = [], group_by_layer(tape)
    alone = {id(layer.only_use): name for layer in every for name in layer.params if layer.only_use}
    done = set()
    for layer in every:
        use = layer.only_use
        if use is not None and use.flat is not None:
            bias, (a, z, version) = alone.get(id(use.beside)), use.flat
            if z is None or z._version != version or (use.beside is not None and bias is None):  # noqa: SLF001
                z = None  # it holds more than these two parameters say, or has been overwritten
            sums.add_outer_products(alone[id(use)], bias, rows, a, z, layer.uses[0][1])
            done.add(bias)
    for layer in every:
        use = layer.only_use
        if use is not None and (use.flat is not None or alone[id(use)] in done):
            continue
        if layer.num_params <= SMALL:
            small.append(layer)
        else:
            for few in slices(len(y), max(1, FLOATS_IN_CACHE // layer.floats)):
                for name, gradient in layer.gradients(few, sums.scratch).items():
                    sums.add(name, slice(rows.start + few.start, rows.start + few.stop), gradient)
                sums.scratch.clear()
    everyone = slice(0, len(y))
    sums.add_small({k: g for layer in small for k, g in layer.gradients(everyone, sums.scratch).items()}, rows)
    sums.scratch.clear()
    return tape.floats


def slices(length: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most this size."""
    return (slice(start, min(start + size, length)) for start in range(0, length, size))
