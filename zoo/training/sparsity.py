"""Masks of weights that stay zero: random ones before training, and by magnitude after it."""

from collections.abc import Mapping

import torch
from torch import Tensor

Masks = dict[str, Tensor]


def random_mask(params: Mapping[str, Tensor], sparsity: float, generator: torch.Generator) -> Masks:
    """For every weight of more than one dimension a random mask that leaves round((1 - sparsity) numel) places True.

    Gains, biases and other vectors are trained whole, as in Timpl et al. 2021, arXiv:2206.10915. Masks lie on the CPU.
    """
    masks = {}
    for name, weight in params.items():
        if weight.dim() > 1:
            kept = round((1 - sparsity) * weight.numel())
            mask = torch.zeros(weight.numel(), dtype=torch.bool)
            mask[torch.randperm(weight.numel(), generator=generator)[:kept]] = True
            masks[name] = mask.view(weight.shape)
    return masks


def magnitude_mask(params: Mapping[str, Tensor], masks: Mapping[str, Tensor] | None, density: float) -> Masks:
    """The largest weights in magnitude over all layers, a share `density` of all weights of more than one dimension.

    What an earlier mask holds at zero stays out. Global magnitude pruning, as Renda et al. 2020, arXiv:2003.02389.
    """
    weights = {name: weight.detach().abs() for name, weight in params.items() if weight.dim() > 1}
    if masks is not None:
        weights = {
            name: w.masked_fill(~masks[name].to(w.device), -1) if name in masks else w for name, w in weights.items()
        }
    every = torch.cat([weight.flatten() for weight in weights.values()])
    kept = torch.zeros_like(every, dtype=torch.bool)
    kept[every.topk(round(density * len(every))).indices] = True
    kept &= every >= 0
    parts = kept.split([weight.numel() for weight in weights.values()])
    return {name: part.view(weight.shape) for (name, weight), part in zip(weights.items(), parts, strict=True)}


def masked(state: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state whose masked weights are zero."""
    return {name: value * masks[name].to(value.device) if name in masks else value for name, value in state.items()}
