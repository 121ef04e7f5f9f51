"""The network as a function of its folded weights: what noise and ascent perturb.

Multiplying the weights before a batch norm leaves the function and would change every scale of noise that the weights
bear. With batch norm folded in, what is perturbed are the weights that act, as in published code.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.weights.folding import initial_layers, layers, structure
from measures.passes.weights.layer_replacement import OTHER_CALLS, Layer, ReplaceLayers, Replacement

Params = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class FoldedNetwork:
    """The trained network with its folded weights as parameters.

    Attributes:
        params: weight and bias of each layer of `layers`, and whatever else is learned (layer-norm gains, position
            embeddings), by name. The network's own parameters where nothing folds.
        weight_names: those of `params` that are weights of layers.
        norms: gain one [out] and shift zero [out] of each folded batch norm, by name, for code that leaves an identity
            in its place and perturbs it, too.
        forward: logits [n, k] of inputs [n, c, h, w] under `params`, with or without `norms`: a pure function.
    """

    params: dict[str, Tensor]
    weight_names: tuple[str, ...]
    norms: dict[str, Tensor]
    forward: Callable[[Params, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class _FoldedWeights:
    """What `folded_network` is built from; it holds no subject, whose cache would then hold itself.

    Attributes:
        params, weight_names, norms: those of `FoldedNetwork`.
        layers: the layers that take `params`; None where nothing folds.
        beside: names of the parameters that act beside the layers.
    """

    params: dict[str, Tensor]
    weight_names: tuple[str, ...]
    norms: dict[str, Tensor]
    layers: list[Layer] | None = None
    beside: tuple[str, ...] = ()


def folded_network(subject: Subject) -> FoldedNetwork:
    """The folded network; one whose layers cannot be told, but that has no batch norm, as it is.

    Raises:
        UnsupportedModelError: it has batch norm, and `layers` raises.
    """
    weights = _folded_weights(subject)
    found = weights.layers
    if found is None:
        return FoldedNetwork(weights.params, weights.weight_names, weights.norms, subject.forward)

    def forward(params: Params, inputs: Tensor) -> Tensor:
        others = {name: params[name] for name in weights.beside}
        return with_layers(subject, [_placed(layer, params) for layer in found], others, inputs)

    return FoldedNetwork(weights.params, weights.weight_names, weights.norms, forward)


@shared
def _folded_weights(subject: Subject) -> _FoldedWeights:
    try:
        found = layers(subject)
    except UnsupportedModelError:
        if any(name.endswith("running_var") for name in subject.buffers):
            raise
        return _FoldedWeights(subject.params, tuple(name for name, p in subject.params.items() if p.dim() > 1), {})
    own = {id(value): name for name, value in subject.params.items()}
    if all(id(part) in own for layer in found for part in (layer.weight, layer.bias) if part is not None):
        return _FoldedWeights(subject.params, tuple(own[id(layer.weight)] for layer in found), {})
    beside = _read_beside(subject, found)
    norms = {
        f"{layer.name}.norm.{kind}": torch.full_like(layer.bias, value)
        for layer in found
        if layer.is_normed and layer.bias is not None
        for kind, value in (("weight", 1.0), ("bias", 0.0))
    }
    params = {**_of(found), **{name: subject.params[name] for name in beside}}
    return _FoldedWeights(params, tuple(f"{layer.name}.weight" for layer in found), norms, found, tuple(beside))


@shared
def initial_params(subject: Subject) -> dict[str, Tensor]:
    """The parameters of `folded_network` at initialization, by name; needs "init"."""
    trained = folded_network(subject).params
    if trained is subject.params:
        return subject.init_params
    start = {**subject.init_params, **_of(initial_layers(subject))}
    return {name: start[name] for name in trained}


def _of(found: list[Layer]) -> dict[str, Tensor]:
    weights = {f"{layer.name}.weight": layer.weight for layer in found}
    return weights | {f"{layer.name}.bias": layer.bias for layer in found if layer.bias is not None}


def _placed(layer: Layer, params: Params) -> Layer:
    """The layer with weight and bias from `params`, and the norm after it where that is among them."""
    weight, bias = params[f"{layer.name}.weight"], params.get(f"{layer.name}.bias")
    gain = params.get(f"{layer.name}.norm.weight")
    if gain is not None and bias is not None:
        weight = weight * gain.reshape(-1, *[1] * (weight.dim() - 1))
        bias = bias * gain + params[f"{layer.name}.norm.bias"]
    return replace(layer, weight=weight, bias=bias)


def _read_beside(subject: Subject, found: list[Layer]) -> list[str]:
    """Names of the parameters that the logits still depend on once the layers are given."""
    with torch.enable_grad():
        leaves = {name: p.detach().requires_grad_() for name, p in subject.params.items()}
        total = with_layers(subject, found, leaves, subject.inputs[:1]).sum()
        if not total.requires_grad:
            return []
        slopes = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    return [name for name, slope in zip(leaves, slopes, strict=True) if slope is not None]


def folded_logits(subject: Subject, replaced: Sequence[Layer], inputs: Tensor) -> Tensor:
    """Logits [n, k] of `inputs` [n, c, h, w] with these layers in place of the network's own, without batch norm.

    With `layers(subject)` this is the network itself, of inputs that have passed its fixed map of the input if any.

    Raises:
        UnsupportedModelError: the calls are not those of the pass that was traced.
    """
    with torch.no_grad():
        return _run(subject, structure(subject).replacements, replaced, {}, inputs)


def with_layers(subject: Subject, replaced: Sequence[Layer], params: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    """As `folded_logits`, differentiable, of inputs as the network takes them and with other `params` beside layers."""
    found = structure(subject)
    replacements = {call: each for call, each in found.replacements.items() if call not in found.input_calls}
    return _run(subject, replacements, replaced, params, inputs)


def _run(
    subject: Subject,
    replacements: Mapping[int, Replacement],
    replaced: Sequence[Layer],
    params: Mapping[str, Tensor],
    inputs: Tensor,
) -> Tensor:
    replacing = ReplaceLayers(replacements, replaced)
    with replacing:
        logits = subject.forward(params, inputs)
    if replacing.remaining:
        raise UnsupportedModelError(OTHER_CALLS)
    return logits
