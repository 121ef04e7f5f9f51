"""Spectral norms of convolutions as maps between images, exactly, by the discrete Fourier transform.

Sedghi et al. 2019, arXiv:1805.10408: a convolution with wrap-around on images of n x n pixels acts on each frequency by
itself, as a matrix [out, in], so that its singular values are those of n^2 small matrices. A stride s lets s^2
frequencies fall on one; their matrices stand side by side, divided by s. Each layer is taken at the size of the image
that it meets itself (published code takes that of the network's input), and the edge is wrapped around whatever the
layer's own padding.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, shared
from measures.passes.weights.folding import Layer, layers
from measures.passes.weights.spectra import displacements, require_positive, spectral_norms

SQUARINGS: Final = 12  # of Gram matrices: bounds norms of 64 channels to 64^(1/16384), 0.03 %, so that few are left
SLACK: Final = 1e-4  # in the logarithm, for bounds that are computed in single precision
CHUNK: Final = 2**22  # complex numbers at a time: 32 MiB


@shared
def convolution_norms(subject: Subject) -> Tensor:
    """Spectral norm of each layer as a map between images [d], in the order of `layers`; see `spectral_norms`."""
    found = [
        circular_norm(layer, layer.weight) if layer.input_size else norm
        for layer, norm in zip(layers(subject), spectral_norms(subject).tolist(), strict=True)
    ]
    return require_positive(subject, torch.tensor(found, dtype=torch.float64, device=subject.device))


@shared
def displacement_convolution_norms(subject: Subject) -> Tensor:
    """As `convolution_norms`, of what each layer has moved by [d]; needs "init"."""
    found = [
        circular_norm(layer, moved) if layer.input_size else float(torch.linalg.matrix_norm(moved, 2))
        for layer, moved in zip(layers(subject), displacements(subject), strict=True)
    ]
    return torch.tensor(found, dtype=torch.float64, device=subject.device)


def circular_norm(layer: Layer, kernel: Tensor) -> float:
    """Largest singular value of the convolution with this kernel [out, in / groups, *k] where the layer stands.

    Images whose side the stride does not divide are taken as large as the next multiple of the stride.
    """
    # Along a dimension where the kernel has one tap all frequencies are the same.
    wide = [taps > 1 for taps in kernel.shape[2:]]
    stride = [step if many else 1 for step, many in zip(layer.stride, wide, strict=True)]
    sides = [size if many else 1 for size, many in zip(layer.input_size, wide, strict=True)]
    coarse = [math.ceil(size / step) for size, step in zip(sides, stride, strict=True)]
    # A real kernel has conjugate matrices at opposite frequencies: of the last dimension half are enough.
    kept = [range(count) for count in coarse[:-1]] + [range(coarse[-1] // 2 + 1)]
    folded = torch.tensor(list(itertools.product(*kept)))  # [u, dims]
    waves = _waves(layer.dilation, kernel.shape[2:], stride, coarse, folded).to(kernel.device)  # [u, aliases, taps]
    size = len(kernel) * kernel.shape[1] * waves.shape[1]  # numbers a frequency
    largest = 0.0
    for chunk in waves.split(max(CHUNK // size, 1)):
        largest = _largest(kernel, layer.groups, chunk, largest)
    return largest


def largest_singular_value(matrices: Callable[[slice | Tensor, torch.dtype], Tensor], least: float = 0.0) -> float:
    """The largest of all singular values of matrices [b, p, q], given by which of them and in which precision.

    At least `least`, which is known to be reached elsewhere.

    With G the Gram matrix of one of them and p = 2^j, its largest eigenvalue lies between
    (||G^p||_F^2 / tr G^p)^(1/p) and ||G^p||_F^(1/p). Squaring drops in single precision whatever cannot be the largest;
    those that remain are decomposed in double precision.
    """
    found = matrices(slice(None), torch.complex64)
    gram = found @ found.mH if found.shape[1] <= found.shape[2] else found.mH @ found
    if not gram.any():
        return least
    floor = 2 * math.log(least) if least > 0 else -math.inf
    which = torch.arange(len(gram), device=gram.device)
    power, log_norm = gram, torch.zeros(len(gram), dtype=torch.float64, device=gram.device)
    for squaring in range(SQUARINGS + 1):
        norm = torch.view_as_real(power).flatten(1).norm(dim=1).clamp_min(torch.finfo(torch.float32).tiny)
        power, log_norm = power / norm[:, None, None], log_norm + norm.double().log()
        trace = power.diagonal(dim1=1, dim2=2).real.sum(1).double().clamp_min(torch.finfo(torch.float32).tiny)
        upper, lower = log_norm / 2**squaring, (log_norm - trace.log()) / 2**squaring
        possible = upper >= max(float(lower.amax()), floor) - SLACK
        which, power, log_norm = which[possible], power[possible], 2 * log_norm[possible]
        if not len(which):
            return least
        if len(which) == 1 and floor == -math.inf:
            break
        power = power @ power
    return max(least, float(torch.linalg.svdvals(matrices(which, torch.complex128)).amax()))


def _largest(kernel: Tensor, groups: int, waves: Tensor, least: float) -> float:
    """Largest singular value at frequencies `waves` [u, aliases, taps], at least `least`.

    The matrices are [out / groups, in / groups * aliases].
    """
    taps = kernel.double().reshape(groups, -1, *kernel.shape[1:2], waves.shape[2])  # [groups, out, in, taps]

    def matrices(chosen: slice | Tensor, dtype: torch.dtype) -> Tensor:
        count = len(waves)
        index = torch.arange(count * groups, device=kernel.device)[chosen]
        return _responses(taps.to(dtype), waves.to(dtype), index)

    return largest_singular_value(matrices, least)


def _responses(taps: Tensor, waves: Tensor, index: Tensor) -> Tensor:
    """Matrices [b, out, in * aliases] of the group and frequency numbers `index` [b], frequencies within groups."""
    found = []
    for group, kernel in enumerate(taps):
        mine = index[index // len(waves) == group] - group * len(waves)
        out, into, _ = kernel.shape
        response = torch.einsum("uat,oit->uoai", waves[mine], kernel)
        found.append(response.reshape(len(mine), out, into * waves.shape[1]) / math.sqrt(waves.shape[1]))
    return torch.cat(found)


def _waves(
    dilation: Sequence[int], sides: Sequence[int], stride: Sequence[int], coarse: Sequence[int], folded: Tensor
) -> Tensor:
    """exp(-2 pi i f.t / n) for taps at positions t and the frequencies f that alias to each of `folded` [u, dims].

    Longer kernels wrap around. Returns [u, aliases, taps].
    """
    offsets = torch.tensor(list(itertools.product(*map(range, stride))))  # [aliases, dims]
    taps = torch.tensor(list(itertools.product(*map(range, sides)))) * torch.tensor(dilation)
    counts = torch.tensor(coarse)
    points = counts * torch.tensor(stride)
    frequencies = folded[:, None] + offsets * counts  # [u, aliases, dims]
    turns = ((frequencies[:, :, None] * taps % points).double() / points).sum(-1)
    return torch.polar(torch.ones_like(turns), -2 * math.pi * turns)
