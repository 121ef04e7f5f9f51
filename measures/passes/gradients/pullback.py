"""Pull gradients with respect to a computed weight back to its parameters, for many examples at once."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor
from torch.func import vjp, vmap
from torch.nn import functional

from measures.passes.activations.torch_calls import batch_norm_call
from measures.passes.gradients.weight_uses import Scratch

RESHAPES: Final = frozenset({
    torch.reshape, torch.flatten, torch.squeeze, torch.unsqueeze, Tensor.reshape, Tensor.view, Tensor.reshape_as,
    Tensor.view_as, Tensor.flatten, Tensor.squeeze, Tensor.unsqueeze,
})  # fmt: skip


Pull = Callable[[Tensor, Scratch], tuple[Tensor, ...]]


@dataclass(eq=False)
class Derivation:
    """Derivation of one weight from others.

    Attributes:
        result: the weight.
        sources: the weights that it is made of.
        pull: gradients [s, *shape] at the result, which it may overwrite, to those at each source.
    """

    result: Tensor
    sources: list[Tensor]
    pull: Pull


def derive(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Tensor, sources: list[Tensor]
) -> Derivation:
    """The derivation of a weight by one call: by a formula where that is quick, by autograd elsewhere."""
    if func in RESHAPES:
        shape = sources[0].shape
        return Derivation(result, sources[:1], lambda G, _: (G.reshape(len(G), *shape),))
    if func in (torch.mul, Tensor.mul) and len(sources) == 1 and isinstance(args[-1], int | float) and not kwargs:
        factor = args[-1]
        return Derivation(result, sources, lambda G, _: (G * factor,))
    if func is functional.batch_norm:
        named = batch_norm_call(*args, **kwargs)
        if named["running_mean"] is None:
            return _standardization(named, result)
    unique = list({id(source): source for source in sources}.values())
    return Derivation(result, unique, _by_autograd(func, args, kwargs, unique))


def _standardization(named: dict[str, Any], result: Tensor) -> Derivation:
    r"""Batch norm of the weights themselves: z = gain u + shift with u = (w - mean w) / s, s^2 = var w + eps.

    All over the N weights [1, channels, N...] of a channel. With the gradient G at z, those of gain and shift are the
    sums of G u and of G, and that of w is gain / s (G - mean G - u mean(G u)).
    """
    w, gain, shift = named["input"].detach(), named["weight"], named["bias"]
    num_channels, size = w.shape[1], w[:, 0].numel()
    flat = w.transpose(0, 1).reshape(num_channels, size)
    variance, mean = torch.var_mean(flat, 1, correction=0, keepdim=True)
    scale = (variance + named["eps"]).rsqrt()
    u = (flat - mean) * scale
    stretch = scale if gain is None else scale * gain.detach().unsqueeze(1)
    ones, away = u.new_ones(size), stretch.T / size
    sources = [named["input"], *(t for t in (gain, shift) if t is not None)]

    def pull(G: Tensor, scratch: Scratch) -> tuple[Tensor, ...]:
        s = G.shape[0]
        rows = G.reshape(s, *w.shape).transpose(1, 2).reshape(s, num_channels, size)
        product = torch.mul(rows, u, out=scratch(s, num_channels, size))
        at_shift, at_gain = rows @ ones, (product.view(-1, size) @ ones).view(s, num_channels)  # also if there is none
        at_w = torch.addcmul((at_shift * -away).unsqueeze(2), rows, stretch, out=product)
        at_w = at_w.addcmul_(u, (at_gain * away).unsqueeze(2), value=-1)
        at_w = at_w.view(s, num_channels, w.shape[0], *w.shape[2:]).transpose(1, 2)
        return (at_w, *(g for g, t in ((at_gain, gain), (at_shift, shift)) if t is not None))

    return Derivation(result, sources, pull)


def _by_autograd(
    func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], sources: list[Tensor]
) -> Pull:
    """Pull back through any function of weights."""

    def function(*values: Tensor) -> Tensor:
        table = {id(source): value for source, value in zip(sources, values, strict=True)}
        result: Tensor = func(
            *map_tensors(args, lambda t: table.get(id(t), t)), **map_tensors(kwargs, lambda t: table.get(id(t), t))
        )
        return result

    def pull(G: Tensor, _scratch: Scratch) -> tuple[Tensor, ...]:
        back = vjp(function, *(source.detach() for source in sources))[1]
        with warnings.catch_warnings():  # an operation without a batching rule is done example by example
            warnings.filterwarnings("ignore", "There is a performance drop", UserWarning)
            try:
                pulled: tuple[Tensor, ...] = vmap(back)(G)
            except RuntimeError:  # vmap does not know the function
                pulled = tuple(torch.stack(parts) for parts in zip(*(back(g) for g in G), strict=True))
        return pulled

    return pull


def map_tensors(nested: Any, replacement: Callable[[Tensor], Tensor]) -> Any:
    """Nested tuples, lists and dictionaries with every tensor replaced."""
    if isinstance(nested, Tensor):
        return replacement(nested)
    if isinstance(nested, tuple | list):
        items = [map_tensors(item, replacement) for item in nested]
        return items if isinstance(nested, list) else tuple(items)
    if isinstance(nested, dict):
        return {key: map_tensors(item, replacement) for key, item in nested.items()}
    return nested
