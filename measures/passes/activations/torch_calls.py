"""Read calls of torch functions: arguments by name, tensors, and the module that makes them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from torch import Tensor, nn
from torch.nn import functional

LAYERS: Final = (functional.linear, functional.conv1d, functional.conv2d, functional.conv3d)
CONVOLUTION_OPTIONS: Final = ("stride", "padding", "dilation", "groups")


def layer_call(
    input: Tensor,  # noqa: A002  torch's own name, by which it may be given
    weight: Tensor,
    bias: Tensor | None = None,
    *options: Any,
    **named: Any,
) -> dict[str, Any]:
    """The arguments of a convolution or linear layer by name."""
    return {
        "input": input,
        "weight": weight,
        "bias": bias,
        **dict(zip(CONVOLUTION_OPTIONS, options, strict=False)),
        **named,
    }


def batch_norm_call(
    input: Tensor,  # noqa: A002  torch's own name, by which it may be given
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> dict[str, Any]:
    """The arguments of a batch norm by name: signatures are slow to bind."""
    del momentum  # of the running statistics
    return {
        "input": input,
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
        "training": training,
        "eps": eps,
    }


def fixed_batch_norm(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments by name if the call is a batch norm with fixed statistics; None otherwise.

    Weight standardisation calls batch norm too, on a weight and with the statistics of the moment.
    """
    if func is not functional.batch_norm:
        return None
    named = batch_norm_call(*args, **kwargs)
    return None if named["training"] else named


def tensors(nested: object) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists and dictionaries."""
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, tuple | list):
        for item in nested:
            yield from tensors(item)
    elif isinstance(nested, dict):
        yield from tensors(tuple(nested.values()))


@contextmanager
def track_modules(model: nn.Module) -> Iterator[list[str]]:
    """Names of the modules whose forward pass is under way, the innermost last."""
    path = [""]

    def enter(name: str) -> Callable[..., None]:
        return lambda *_: path.append(name)

    def leave(*_: object) -> None:
        path.pop()

    handles = [module.register_forward_pre_hook(enter(name)) for name, module in model.named_modules()]
    handles += [module.register_forward_hook(leave) for module in model.modules()]
    try:
        yield path
    finally:
        for handle in handles:
            handle.remove()
