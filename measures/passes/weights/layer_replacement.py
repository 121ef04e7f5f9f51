"""A network with other weights in its layers, by replacing function calls of its forward pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor
from torch.overrides import TorchFunctionMode

from measures.api import UnsupportedModelError
from measures.passes.activations.layer_calls import Apply

OTHER_CALLS: Final = "The network does not make the same function calls in every forward pass."


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
        is_normed: whether a batch norm is folded in.
    """

    name: str
    weight: Tensor
    bias: Tensor | None
    input_size: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    is_normed: bool = False

    @property
    def matrix(self) -> Tensor:
        """The weight as a matrix [out, in * kernel]."""
        return self.weight.flatten(1)


@dataclass(frozen=True)
class Replacement:
    """Substitute for a call when a network runs with other layers.

    Attributes:
        func: the function that is called there.
        layer: which layer it is, counted in the order of execution; None for what was folded and is left out.
        apply: the call with other weights; where it is left out, the activation among its arguments.
    """

    func: Callable[..., Any] | None
    layer: int | None
    apply: Apply


class ReplaceLayers(TorchFunctionMode):
    """Puts other weights into the layers and leaves out what is folded into them."""

    def __init__(self, replacements: Mapping[int, Replacement], layers: Sequence[Layer]) -> None:
        super().__init__()
        self.remaining, self.layers, self.calls = dict(replacements), layers, 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function, or what replaces it."""
        del types
        self.calls += 1
        replacement = self.remaining.pop(self.calls, None)
        if replacement is None:
            return func(*args, **(kwargs or {}))
        if replacement.func is not func:
            raise UnsupportedModelError(OTHER_CALLS)
        layer = None if replacement.layer is None else self.layers[replacement.layer]
        if layer is None:
            return replacement.apply(args, kwargs or {}, args[0], None)
        return replacement.apply(args, kwargs or {}, layer.weight, layer.bias)
