"""Change the layers of a network: seeded dropout, low-rank factors, removal of batch norm."""

from typing import Final, cast

import torch
from torch import Tensor, nn

from zoo.errors import RecipeError

MASK32: Final = 0xFFFFFFFF


class SeededDropout(nn.Module):
    """Dropout whose masks follow from a seed and a count of calls, not from a global stream.

    So a member of a fleet drops the same units as the network trained alone. The mask of call t is that of a hash of
    (seed, t, place): the finalizer of MurmurHash3 (Appleby 2011), whose bits pass for random where nobody tries.

    Args:
        probability: that a unit is dropped; the others are divided by one minus it.
        seed: decides the masks.
    """

    key: Tensor
    calls: Tensor

    def __init__(self, probability: float, seed: int) -> None:
        super().__init__()
        self.probability = probability
        self.register_buffer("key", torch.tensor(seed & MASK32))
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs [b, ...], some of them dropped in train mode."""
        if not self.training:
            return inputs
        self.calls.add_(1)
        place = torch.arange(inputs.numel(), device=inputs.device)
        drawn = _mixed(_mixed(place ^ _mixed(self.key)) ^ _mixed(self.calls))
        kept = drawn.double() / 2**32 >= self.probability
        return inputs * kept.view(inputs.shape) / (1 - self.probability)


def _mixed(value: Tensor) -> Tensor:
    """32 bits mixed; products of 64 bits wrap, and their lower 32 bits are right."""
    value = (value + 0x9E3779B9) & MASK32
    value = value ^ (value >> 16)
    value = (value * 0x85EBCA6B) & MASK32
    value = value ^ (value >> 13)
    value = (value * 0xC2B2AE35) & MASK32
    return value ^ (value >> 16)


def factorise(network: nn.Module, share: float) -> None:
    """Replace every convolution and linear layer but the last by two of lower rank, in place.

    A weight [out, in * kernel] of full rank m = min(out, in * kernel) becomes U V with r = max(1, round(share * m)):
    the singular value decomposition of the initial weight, cut after r, its values split evenly, the spectral
    initialization of Khodak et al. 2021, arXiv:2105.01029. Grouped convolutions stay as they are.

    Raises:
        RecipeError: no layer can be factorised.
    """
    found = [(name, module) for name, module in network.named_modules() if _has_factors(module)]
    if len(found) < 2:  # noqa: PLR2004  one layer is the last
        raise RecipeError("rank must be 1 for a network whose only layer is the last.")
    for name, module in found[:-1]:
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, _factors(module, share))


def _has_factors(module: nn.Module) -> bool:
    return type(module) is nn.Linear or (type(module) is nn.Conv2d and module.groups == 1)


def _factors(module: nn.Module, share: float) -> nn.Sequential:
    weight = cast("Tensor", module.weight).detach()
    matrix = weight.flatten(1)
    rank = max(1, round(share * min(matrix.shape)))
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    root = values[:rank].sqrt()
    outer, inner = left[:, :rank] * root, root.unsqueeze(1) * right[:rank]
    first, second = _shaped(module, rank)
    with torch.no_grad():
        first.weight.copy_(inner.view(first.weight.shape))
        second.weight.copy_(outer.view(second.weight.shape))
        if second.bias is not None:
            second.bias.copy_(cast("Tensor", module.bias))
    return nn.Sequential(first, second)


def _shaped(module: nn.Module, rank: int) -> tuple[nn.Linear | nn.Conv2d, nn.Linear | nn.Conv2d]:
    """The two layers of a factorisation, with weights still to be written."""
    if isinstance(module, nn.Linear):
        first = nn.utils.skip_init(nn.Linear, module.in_features, rank, bias=False)
        second = nn.utils.skip_init(nn.Linear, rank, module.out_features, bias=module.bias is not None)
        return cast("nn.Linear", first), cast("nn.Linear", second)
    convolution = cast("nn.Conv2d", module)
    first = nn.utils.skip_init(
        nn.Conv2d,
        convolution.in_channels,
        rank,
        convolution.kernel_size,
        stride=convolution.stride,
        padding=convolution.padding,
        dilation=convolution.dilation,
        bias=False,
    )
    second = nn.utils.skip_init(nn.Conv2d, rank, convolution.out_channels, 1, bias=convolution.bias is not None)
    return cast("nn.Conv2d", first), cast("nn.Conv2d", second)


def remove_batch_norm(network: nn.Module) -> None:
    """Put the identity in the place of every batch norm, in place.

    Raises:
        RecipeError: there is none.
    """
    norms = [name for name, module in network.named_modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]  # noqa: SLF001  the base class of all of them has no other name
    if not norms:
        raise RecipeError("batch_norm must be True for a network that has none to take out; got False.")
    for name in norms:
        parent, _, child = name.rpartition(".")
        norm = network.get_submodule(name)
        after = getattr(norm, "act", None)  # timm's BatchNormAct2d holds the activation that follows
        setattr(network.get_submodule(parent), child, after if isinstance(after, nn.Module) else nn.Identity())
