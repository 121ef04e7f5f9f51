"""The weight layers of a network, with batch norm folded in: what the norms, products and distances are taken of.

One forward pass of one example is watched, function call by function call, so that what counts as a layer is what the
network does, not how its author has written it down: convolutions without a bias, linear layers under batch norm,
projections on a skip and weights that are standardised on the way need no cases of their own.

A norm in eval mode is a fixed affine map, and so a part of the layer before it, only if its statistics are fixed: batch
norm folds; layer norm, group norm and instance norm depend on the input and do not. Networks with those keep their raw
layers: sums over layers are still defined for them, while products of layers bound nothing, since the norm undoes any
scale. `measures.catalogue.weights.norms` refuses such networks by `operations`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.activations.torch_calls import LAYERS, fixed_batch_norm, layer_call, tensors, track_modules

ELEMENTWISE: Final = {"shift", "sub", "mul", "addcmul", "layer_norm"}  # may use a learned matrix without being a layer
SPELLINGS: Final = {"iadd": "add", "radd": "add", "isub": "sub", "rsub": "sub", "imul": "mul", "rmul": "mul"} | {
    "div": "mul", "truediv": "mul", "itruediv": "mul"
}  # fmt: skip

# Operations that a sum over paths can pass: linear maps with fixed coefficients of at least zero, and ReLU and maximum,
# which on activations of at least zero are the identity and a choice. But for "add" and "scale" they stretch nothing.
POSITIVE: Final = frozenset(
    {"relu", "dropout", "add", "scale", "mean", "cat", "chunk", "split", "unbind", "getitem"}
    | {"flatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze", "contiguous"}
    | {f"{kind}_pool{dims}d" for kind in ("max", "avg", "adaptive_max", "adaptive_avg") for dims in (1, 2, 3)}
)


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer with its batch norm folded in.

    Attributes:
        name: the module's name.
        weight: [out, in] or [out, in / groups, *kernel].
        bias: [out], or None where neither the layer nor a batch norm has one.
        input_size: height and width of the images that a convolution meets, or what it has of them; () if linear.
        stride: of a convolution, one number a dimension.
        dilation: of a convolution, one number a dimension.
        groups: of a convolution.
    """

    name: str
    weight: Tensor
    bias: Tensor | None
    input_size: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1

    @property
    def matrix(self) -> Tensor:
        """The weight as a matrix [out, in * kernel]."""
        return self.weight.flatten(1)


@dataclass(frozen=True)
class Structure:
    """What a network is made of: see `layers` and `operations`."""

    layers: list[Layer]
    operations: frozenset[str]


@shared
def structure(subject: Subject) -> Structure:
    """What watching the trained network on one example shows; see `layers` for what it raises."""
    return _watched(subject, {**subject.buffers, **subject.params})


@shared
def initial_layers(subject: Subject) -> list[Layer]:
    """The layers at initialization, in the order of `layers`, folded with the statistics of that time; needs "init"."""
    return _watched(subject, {**subject.init_buffers, **subject.init_params}).layers


def layers(subject: Subject) -> list[Layer]:
    """The convolutions and linear layers in the order of execution, batch norm folded into the layer before it.

    Weights are those that reach the operation: a weight-standardised convolution gives its standardised weight. Learned
    numbers outside of layers (layer-norm gains, position embeddings, class tokens) belong to none.

    Raises:
        UnsupportedModelError: batch norm that follows no layer (pre-activation networks), layers that are used twice,
            or learned matrices in other operations than convolutions and linear layers.
    """
    return structure(subject).layers


def operations(subject: Subject) -> frozenset[str]:
    """Names of what is done to activations besides layers and folded batch norm, such as relu, max_pool2d, softmax.

    "add" adds activations, "scale" multiplies them by a positive constant, "shift" adds a constant or learned tensor;
    "mul" is every other product.
    """
    return structure(subject).operations


def folded_logits(subject: Subject, replaced: Sequence[Layer], inputs: Tensor) -> Tensor:
    """Logits [n, k] of `inputs` [n, c, h, w] with these layers in place of the network's own and batch norm removed.

    With `layers(subject)` this is the network itself.
    """
    with torch.no_grad(), _ReplaceLayers(replaced):
        return subject.logits_of(inputs)


def _watched(subject: Subject, state: Mapping[str, Tensor]) -> Structure:
    example = subject.inputs[:1].clone()
    with torch.no_grad(), track_modules(subject.model) as path:
        watch = _Watch(example, state, path)
        with watch:
            subject.forward(state, example)
    return watch.checked()


@dataclass
class _Candidate:
    """A layer so far, and the activations between it and its last batch norm, which must be used once each."""

    layer: Layer
    inner: list[int] = field(default_factory=list)


class _Watch(TorchFunctionMode):
    """Follows the activations of one forward pass through every torch function."""

    def __init__(self, example: Tensor, state: Mapping[str, Tensor], path: list[str]) -> None:
        super().__init__()
        self.activations = {id(example): example}  # held, so that no id is given away twice
        self.matrices = {id(value): name for name, value in state.items() if value.dim() > 1}
        self.path = path
        self.candidates: list[_Candidate] = []
        self.made_by: dict[int, _Candidate] = {}
        self.uses: Counter[int] = Counter()
        self.operations: set[str] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function and note it if it turns activations into activations."""
        del types
        arguments = list(tensors((args, kwargs or {})))
        outcome = func(*args, **(kwargs or {}))
        results = list(tensors(outcome))
        used = [tensor for tensor in arguments if id(tensor) in self.activations]
        if used and results:
            self.uses.update(id(tensor) for tensor in used)
            maker = self._maker(func, args, kwargs or {}, arguments)
            for result in results:
                self.activations[id(result)] = result
                self.made_by.pop(id(result), None)
                if maker is not None:
                    self.made_by[id(result)] = maker
        return outcome

    def _maker(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], arguments: list[Tensor]
    ) -> _Candidate | None:
        """The layer that this call is, or is folded into."""
        if func in LAYERS:
            call = layer_call(*args, **kwargs)
            candidate = _Candidate(Layer(self.path[-1], call["weight"], call["bias"], **_geometry(call)))
            self.candidates.append(candidate)
            return candidate
        if (norm := fixed_batch_norm(func, args, kwargs)) is not None:
            return self._folded(norm)
        name = self._spelling(func, args, kwargs)
        owned = [self.matrices[id(tensor)] for tensor in arguments if id(tensor) in self.matrices]
        if owned and name not in ELEMENTWISE:
            raise UnsupportedModelError(f"Only convolutions and linear layers are known; {name} uses {owned[0]!r}.")
        self.operations.add(name)
        return None

    def _spelling(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The name of an operation on activations, as `operations` gives it."""
        name = func.__name__.strip("_")
        name = SPELLINGS.get(name, name)
        others = [other for other in (*args, *kwargs.values()) if id(other) not in self.activations]
        if name == "add" and others:
            return "shift"
        if name == "mul" and all(isinstance(other, int | float) and other > 0 for other in others) and others:
            return "scale"
        return name

    def _folded(self, norm: dict[str, Any]) -> _Candidate:
        activation = norm["input"]
        candidate = self.made_by.get(id(activation))
        if candidate is None:
            raise UnsupportedModelError(
                f"Batch norm {self.path[-1]!r} does not follow a convolution or linear layer, so it cannot be folded."
            )
        scale = (norm["running_var"] + norm["eps"]).rsqrt()
        if norm["weight"] is not None:
            scale = scale * norm["weight"]
        layer = candidate.layer
        if layer.weight.dim() == 2 and activation.dim() != 2:  # noqa: PLR2004  [out, in] and [n, out]
            raise UnsupportedModelError(f"Batch norm {self.path[-1]!r} does not act on the outputs of {layer.name!r}.")
        weight = layer.weight * scale.reshape(-1, *[1] * (layer.weight.dim() - 1))
        bias = ((0 if layer.bias is None else layer.bias) - norm["running_mean"]) * scale
        if norm["bias"] is not None:
            bias = bias + norm["bias"]
        candidate.layer = replace(layer, weight=weight, bias=bias)
        candidate.inner.append(id(activation))
        return candidate

    def checked(self) -> Structure:
        """What was seen, checked.

        Raises:
            UnsupportedModelError: no layers, layers used twice, or layers whose outputs before batch norm are used
                twice.
        """
        if not self.candidates:
            raise UnsupportedModelError("The network has no convolution or linear layer that could be seen.")
        names = Counter(candidate.layer.name for candidate in self.candidates)
        twice = next((name for name, count in names.items() if count > 1), None)
        if twice is not None:
            raise UnsupportedModelError(f"Each layer must be used once; {twice!r} is used {names[twice]} times.")
        for candidate in self.candidates:
            if any(self.uses[inner] > 1 for inner in candidate.inner):
                raise UnsupportedModelError(f"The output of {candidate.layer.name!r} must go to batch norm alone.")
        found = [candidate.layer for candidate in self.candidates]
        return Structure(found, frozenset(self.operations))


def _geometry(call: Mapping[str, Any]) -> dict[str, Any]:
    """What the call of a convolution says of its map besides the kernel."""
    dims = int(call["weight"].dim()) - 2

    def numbers(option: int | Sequence[int]) -> tuple[int, ...]:
        given = (option,) if isinstance(option, int) else tuple(option)
        return given * (dims // len(given))

    return {
        "input_size": tuple(call["input"].shape[-dims:]) if dims else (),
        "stride": numbers(call.get("stride", 1)),
        "dilation": numbers(call.get("dilation", 1)),
        "groups": int(call.get("groups", 1)),
    }


class _ReplaceLayers(TorchFunctionMode):
    """Puts other weights into the layers, in the order of execution, and takes batch norm out."""

    def __init__(self, replaced: Sequence[Layer]) -> None:
        super().__init__()
        self.remaining = iter(replaced)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function with the next layer's weight and bias if it is a layer."""
        del types
        given = kwargs or {}
        if func in LAYERS:
            layer = next(self.remaining)
            return func(**{**layer_call(*args, **given), "weight": layer.weight, "bias": layer.bias})
        if (norm := fixed_batch_norm(func, args, given)) is not None:
            return norm["input"]
        return func(*args, **given)
