"""The weight layers of a network with its normalisation folded in: what norms, products and distances are taken of.

One forward pass of one example is traced, function call by function call (`measures.passes.activations.tracing`), so
that what counts as a layer is what the network does, not how its author has written it down: convolutions without a
bias, linear layers under batch norm, projections on a skip, weights that are standardised on the way and products with
a transposed parameter need no cases of their own. An embedding is a linear layer of one-hot tokens.

A norm in eval mode is a fixed affine map, and so a part of the layer before it, only if its statistics are fixed: batch
norm folds, and so does a scale and shift by channel that is written by hand; layer norm, group norm and instance norm
depend on the input and do not. Networks with those keep their raw layers: sums over layers are still defined for them,
while products of layers bound nothing, since the norm undoes any scale. `measures.catalogue.weights.norms` refuses such
networks by `operations`. A fixed affine map of the input before the first layer, such as (x - mean) / std, belongs to
the data: the network begins behind it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.activations.adapters import Adapter, find_adapters
from measures.passes.activations.layer_calls import LayerCall, matched_layer
from measures.passes.activations.torch_calls import fixed_batch_norm
from measures.passes.activations.tracing import ELEMENTWISE, Step, Trace, trace
from measures.passes.weights.affine_maps import Affine, by_channel, input_maps, matched_affine
from measures.passes.weights.layer_replacement import Layer, Replacement

__all__ = ["POSITIVE", "Layer", "initial_layers", "layers", "operations", "structure"]

# Operations that a sum over paths can pass: linear maps with fixed coefficients of at least zero, and ReLU and maximum,
# which on activations of at least zero are the identity and a choice. But for "add" and "scale" they stretch nothing.
POSITIVE: Final = frozenset(
    {"relu", "dropout", "add", "scale", "mean", "cat", "chunk", "split", "unbind", "getitem"}
    | {"flatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze", "contiguous"}
    | {f"{kind}_pool{dims}d" for kind in ("max", "avg", "adaptive_max", "adaptive_avg") for dims in (1, 2, 3)}
)


@dataclass(frozen=True)
class Structure:
    """Structure of a network: see `layers` and `operations`.

    Attributes:
        layers: in the order of execution.
        operations: names of what else is done to activations.
        replacements: by the number of the function call.
        input_calls: numbers of those that are a fixed map of the input.
    """

    layers: list[Layer]
    operations: frozenset[str]
    replacements: Mapping[int, Replacement]
    input_calls: frozenset[int]


@shared
def structure(subject: Subject) -> Structure:
    """The structure of the trained network; see `layers` for what it raises."""
    return _structure(subject, {**subject.buffers, **subject.params})


@shared
def initial_layers(subject: Subject) -> list[Layer]:
    """The layers at initialization, in the order of `layers`, folded with the statistics of that time; needs "init"."""
    return _structure(subject, {**subject.init_buffers, **subject.init_params}).layers


def layers(subject: Subject) -> list[Layer]:
    """The convolutions and linear layers in the order of execution, batch norm folded into the layer before it.

    Weights are those that reach the operation: a weight-standardised convolution gives its standardised weight. Learned
    numbers outside of layers (layer-norm gains, position embeddings, class tokens) belong to none, and neither do
    kernels that are computed from the input.

    Raises:
        UnsupportedModelError: batch norm that follows no layer (pre-activation networks), layers that are used twice,
            or learned matrices in other operations or in none that could be traced.
    """
    return structure(subject).layers


def operations(subject: Subject) -> frozenset[str]:
    """Names of what is done to activations besides layers and folded norms, such as relu, max_pool2d, softmax.

    "add" adds activations, "scale" multiplies them by a positive constant, "shift" adds a constant or learned tensor;
    "mul" is every other product.
    """
    return structure(subject).operations


def _structure(subject: Subject, state: Mapping[str, Tensor]) -> Structure:
    found = trace(subject, state)
    folding = _Folding(found)
    for step in found.steps:
        folding.add(step)
    return folding.finish()


@dataclass
class _Candidate:
    """A layer so far.

    Attributes:
        layer: with what has been folded into it.
        axis: of the output that its outputs lie along, counted from the end.
        sources: the parameters that its weight is computed from.
        raw: the weight before anything is folded into it.
        inner: activations between it and its last batch norm, which must be used once each.
    """

    layer: Layer
    axis: int
    sources: frozenset[str]
    raw: Tensor
    inner: list[int] = field(default_factory=list)


class _Folding:
    """The layers of a trace, step by step."""

    def __init__(self, found: Trace) -> None:
        self.trace = found
        self.uses = Counter(number for step in found.steps for number in step.inputs.values())
        self.candidates: list[_Candidate] = []
        self.made_by: dict[int, _Candidate] = {}
        self.operations: set[str] = set()
        self.replacements: dict[int, Replacement] = {}
        self.of_input = input_maps(found.steps, self.uses)
        adapters = find_adapters(found.steps)
        self.adapted = {adapter.base: adapter for adapter in adapters}
        self.totals = {adapter.total: adapter for adapter in adapters}
        self.beside = {step for adapter in adapters for step in adapter.beside}

    def add(self, step: Step) -> None:
        """Take the next step: a layer, a map that is folded into one, or another operation."""
        if step in self.beside:
            return
        if step in self.of_input:
            self._leave_out(step, self.of_input[step])
        elif step in self.totals:
            self._add_total(step, self.totals[step])
        elif (call := matched_layer(step)) is not None:
            self._add_layer(step, call)
        elif step.func is not None and (norm := fixed_batch_norm(step.func, step.args, dict(step.kwargs))) is not None:
            self._fold(step, self._norm_as_affine(step, norm), norm["input"], is_norm=True)
        elif not self._fold_affine(step):
            self._add_operation(step)

    def _add_layer(self, step: Step, call: LayerCall) -> None:
        weight, bias = self.trace.value(call.weight), None if call.bias is None else self.trace.value(call.bias)
        sources = frozenset[str]().union(*(names for _, names in step.matrices()))
        if (adapter := self.adapted.get(step)) is not None:
            weight = weight + adapter.weight
            bias = bias if adapter.bias is None else adapter.bias if bias is None else bias + adapter.bias
        candidate = _Candidate(Layer(step.module, weight, bias, **call.geometry), call.axis, sources, weight)
        self.replacements[step.call] = Replacement(step.func, len(self.candidates), call.apply)
        self.candidates.append(candidate)
        self._made(step, candidate)

    def _add_total(self, step: Step, adapter: Adapter) -> None:
        """The sum of a layer and its adapter is the output of the layer that has both."""
        number, _ = adapter.base.outputs[-1]
        output = next(arg for arg in step.args if step.inputs.get(id(arg)) == number)
        self._leave_out(step, Affine(output, None, None))
        self._made(step, self.made_by[number])

    def _norm_as_affine(self, step: Step, norm: Mapping[str, Any]) -> Affine:
        """Batch norm as a scale and a shift by channel."""
        candidate = self.made_by.get(step.inputs[id(norm["input"])])
        if candidate is None:
            raise UnsupportedModelError(
                f"Batch norm {step.module!r} does not follow a convolution or linear layer, so it cannot be folded."
            )
        if norm["input"].dim() + candidate.axis != 1:
            raise UnsupportedModelError(
                f"Batch norm {step.module!r} does not act on the outputs of {candidate.layer.name!r}."
            )
        value = self.trace.value
        scale = (norm["running_var"] + norm["eps"]).rsqrt()
        if norm["weight"] is not None:
            scale = scale * value(norm["weight"])
        shift = None if norm["bias"] is None else value(norm["bias"])
        return Affine(norm["input"], scale, shift, norm["running_mean"])

    def _fold_affine(self, step: Step) -> bool:
        """Fold a scale or shift by channel, written by hand, whose input nothing else uses."""
        affine = matched_affine(step)
        if affine is None:
            return False
        number = step.inputs[id(affine.input)]
        candidate = self.made_by.get(number)
        if candidate is None or self.uses[number] > 1:
            return False
        flat = by_channel(affine, candidate.axis, len(candidate.layer.weight))
        if flat is None:
            return False
        self._fold(step, flat, affine.input)
        return True

    def _fold(self, step: Step, affine: Affine, activation: Tensor, *, is_norm: bool = False) -> None:
        number = step.inputs[id(activation)]
        candidate = self.made_by[number]
        layer = candidate.layer
        weight, bias = layer.weight, layer.bias
        if affine.center is not None:
            bias = (0 if bias is None else bias) - affine.center
        if affine.scale is not None:
            weight = weight * affine.scale.reshape(-1, *[1] * (weight.dim() - 1))
            bias = None if bias is None else bias * affine.scale
        if affine.shift is not None:
            bias = affine.shift if bias is None else bias + affine.shift
        candidate.layer = replace(
            layer,
            weight=weight.detach(),
            bias=None if bias is None else bias.detach(),
            is_normed=is_norm or layer.is_normed,
        )
        candidate.inner.append(number)
        self._leave_out(step, affine)
        self._made(step, candidate)

    def _leave_out(self, step: Step, affine: Affine) -> None:
        key, index = next(
            (key, index)
            for key, index in [*((None, i) for i in range(len(step.args))), *((key, 0) for key in step.kwargs)]
            if (step.args[index] if key is None else step.kwargs[key]) is affine.input
        )
        self.replacements[step.call] = Replacement(
            step.func, None, lambda args, kwargs, *_: args[index] if key is None else kwargs[key]
        )

    def _made(self, step: Step, candidate: _Candidate) -> None:
        for number, _ in step.outputs:
            self.made_by[number] = candidate

    def _add_operation(self, step: Step) -> None:
        name = step.operation
        if step.func is None or name not in ELEMENTWISE:
            for _, sources in step.matrices():
                raise UnsupportedModelError(
                    f"Only convolutions and linear layers are known; {name} uses {min(sources, default='a matrix')!r}."
                )
        self.operations.add(name)

    def finish(self) -> Structure:
        """The structure, checked.

        Raises:
            UnsupportedModelError: no layers, layers used twice, or layers whose outputs before batch norm are used
                twice.
        """
        if not self.candidates:
            raise UnsupportedModelError("The network has no convolution or linear layer that could be seen.")
        names = self._names()
        for candidate in self.candidates:
            if any(self.uses[inner] > 1 for inner in candidate.inner):
                raise UnsupportedModelError(f"The output of {candidate.layer.name!r} must go to batch norm alone.")
        found = [replace(candidate.layer, name=name) for candidate, name in zip(self.candidates, names, strict=True)]
        calls = frozenset(step.call for step in self.of_input)
        return Structure(found, frozenset(self.operations), self.replacements, calls)

    def _names(self) -> list[str]:
        """The module of each layer; where a module calls several, the parameter that is its weight.

        Raises:
            UnsupportedModelError: a layer is used twice.
        """
        count = Counter(candidate.layer.name for candidate in self.candidates)
        found: list[str] = []
        for candidate in self.candidates:
            same = [other for other in self.candidates if _same_weight(candidate, other)]
            if len(same) > 1:
                raise UnsupportedModelError(
                    f"Each layer must be used once; {candidate.layer.name!r} is used {len(same)} times."
                )
            name = candidate.layer.name
            if count[name] > 1 and candidate.sources:
                name = "+".join(sorted(candidate.sources))
            found.append(name)
        twice = Counter(found)
        return [f"{name}#{index}" if twice[name] > 1 else name for index, name in enumerate(found)]


def _same_weight(one: _Candidate, other: _Candidate) -> bool:
    """Whether two layers have the same weight, as it is before anything is folded into it."""
    if one is other:
        return True
    alike = bool(one.sources) and one.sources == other.sources and one.raw.shape == other.raw.shape
    return alike and torch.equal(one.raw, other.raw)
