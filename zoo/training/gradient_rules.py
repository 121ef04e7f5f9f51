"""Masks, heavy-tailed noise and clipping of gradients before the optimizer step, for each member of a fleet."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientRules:
    """Changes of the gradients of one member, in this order: mask, noise, clipping.

    Attributes:
        mask: by parameter, True where it is trained; parameters that are not named are trained whole.
        noise_scale: of symmetric alpha-stable noise on every trained coordinate; 0 for none.
        noise_tail: its index alpha in (0, 2].
        noise: the stream of the noise, on the network's device; needed where `noise_scale` is above 0.
        clip_norm: longest gradient over all parameters; none if None.
    """

    mask: Mapping[str, Tensor] | None = None
    noise_scale: float = 0.0
    noise_tail: float = 2.0
    noise: torch.Generator | None = None
    clip_norm: float | None = None

    @property
    def plain(self) -> bool:
        """Whether gradients are left unchanged."""
        return self.mask is None and self.noise_scale == 0 and self.clip_norm is None


class StackedRules:
    """The rules of several members over gradients in blocks.

    Args:
        members: their rules.
        names: of the parameters, in the order of the blocks.
        like: gives device and dtype.
    """

    def __init__(self, members: Sequence[GradientRules], names: Sequence[str], like: Tensor) -> None:
        self._members = members
        self._clip: Tensor | None = None
        if any(m.clip_norm is not None for m in members):
            longest = [math.inf if m.clip_norm is None else m.clip_norm for m in members]
            self._clip = torch.tensor(longest, dtype=like.dtype, device=like.device)
        self._masks = [_mask([m.mask for m in members], name) for name in names]
        self.plain = all(m.plain for m in members)

    def masks(self) -> list[Tensor | None]:
        """For each block True where it is trained [f, numel], or None where all of it is."""
        return self._masks

    def apply(self, blocks: Sequence[Tensor]) -> None:
        """Change gradients in blocks [f, numel], in place."""
        if self.plain:
            return
        self._masked(blocks)
        if any(m.noise_scale for m in self._members):
            self._noisy(blocks)
            self._masked(blocks)
        if self._clip is not None:
            lengths = torch.stack([block.square().sum(1) for block in blocks]).sum(0).sqrt()
            factors = (self._clip / lengths).clamp(max=1).nan_to_num(nan=1.0)  # a gradient of zero stays zero
            for block in blocks:
                block.mul_(factors.unsqueeze(1))

    def _masked(self, blocks: Sequence[Tensor]) -> None:
        for block, mask in zip(blocks, self._masks, strict=True):
            if mask is not None:
                block.mul_(mask)

    def _noisy(self, blocks: Sequence[Tensor]) -> None:
        sizes = [block.shape[1] for block in blocks]
        for index, member in enumerate(self._members):
            if member.noise_scale and member.noise is not None:
                drawn = stable_noise(sum(sizes), member.noise_tail, member.noise).to(blocks[0])
                for block, noise in zip(blocks, drawn.split(sizes), strict=True):
                    block[index] += member.noise_scale * noise


def stable_noise(count: int, tail: float, generator: torch.Generator) -> Tensor:
    r"""Draws [count] of the symmetric alpha-stable law of scale 1, float64: Chambers, Mallows & Stuck 1976, eq. 4.1.

    .. math:: X = \frac{\sin \alpha V}{(\cos V)^{1/\alpha}}
        \left( \frac{\cos((1-\alpha) V)}{W} \right)^{(1-\alpha)/\alpha}

    with V uniform on (-pi/2, pi/2) and W exponential of mean 1; the characteristic function is exp(-|t|^alpha). At
    alpha = 2 it is a Gaussian of variance 2, at alpha = 1 a Cauchy law.
    """

    def uniform() -> Tensor:
        return torch.rand(count, generator=generator, dtype=torch.float64, device=generator.device)

    v = (uniform() - 0.5) * math.pi
    w = -torch.log1p(-uniform())
    w = w.clamp(min=torch.finfo(torch.float64).tiny)
    return torch.sin(tail * v) / v.cos() ** (1 / tail) * (torch.cos((1 - tail) * v) / w) ** ((1 - tail) / tail)


def minibatch_weights(batch_size: int, recipe: Recipe, generator: torch.Generator) -> Tensor:
    r"""Weights [b] of the examples of one step whose gradient has heavy-tailed noise of minibatches, float64.

    .. math:: g = g_s + c Z (g_s - g_b), \qquad P(Z > z) = z^{-\alpha}, \; z \ge 1

    with g_s the mean gradient of the first s examples and g_b that of all b, c the scale and alpha the tail index:
    Wang, Oh & Rhee 2021, arXiv:2102.04297. A gradient is linear in the losses, so that one backward pass gives it.
    The weights of a recipe without such noise are 1 / b.
    """
    even = torch.full((batch_size,), 1 / batch_size, dtype=torch.float64, device=generator.device)
    if not recipe.noise_batch:
        return even
    first = torch.zeros_like(even)
    first[: recipe.noise_batch] = 1 / recipe.noise_batch
    uniform = 1 - torch.rand(1, generator=generator, dtype=torch.float64, device=generator.device)  # above 0
    return first + recipe.noise_scale * uniform ** (-1 / recipe.noise_tail) * (first - even)


def _mask(masks: Sequence[Mapping[str, Tensor] | None], name: str) -> Tensor | None:
    """[f, numel] of one parameter, or None where every member trains all of it."""
    own = [None if mask is None else mask.get(name) for mask in masks]
    reference = next((mask for mask in own if mask is not None), None)
    if reference is None:
        return None
    filled = [torch.ones_like(reference) if mask is None else mask for mask in own]
    return torch.stack([mask.flatten() for mask in filled])
