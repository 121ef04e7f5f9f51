"""Path norms: sums over all paths from the input to an output of the product of the weights on the way.

A sum over paths is one forward pass of an input of ones with every weight and bias replaced by a power of its absolute
value; a bias is the first edge of paths that begin at a constant one. It has a meaning where layers are joined by ReLU,
pooling and addition alone. Batch norm is folded first. All are computed in float64, where deep networks seldom
overflow.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from measures.api import Subject, UnsupportedModelError, measure, shared
from measures.catalogue.weights.over_margin import log_margin
from measures.passes.weights.folded_network import folded_logits
from measures.passes.weights.folding import POSITIVE, Layer, layers, operations

P: Final = 1.5  # of lp_path_norm: between the two that have names, as in the code of Neyshabur et al. 2019
COST: Final = "1 forward pass of 1 example"


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 44; Neyshabur et al. 2015",
    family="path",
    cost=COST,
    weights_only=True,
    version=2,
)
def path_norm(subject: Subject) -> float:
    r"""Sum of the outputs for an input of ones, every weight and bias squared.

    .. math:: \sum_k f_{w^2}(\mathbf{1})_k

    For two layers of ReLU: sum_k (sum_j V_kj^2 (sum_i W_ji^2 + b_j^2) + c_k^2). Pooling and the constants of the
    architecture, such as the residual scale of norm-free networks, are not weights and are not squared. No root and no
    division by the number of examples. Unit: that of a weight to the power of twice the depth. Invariant when ReLU
    layers are rescaled.
    """
    return _sum_squared_paths(subject)


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 43", family="path", cost=COST, version=2)
def path_norm_over_margin(subject: Subject) -> float:
    r"""Path norm over the squared margin.

    .. math:: \sum_k f_{w^2}(\mathbf{1})_k / \gamma^2

    Paths as in `path_norm`, margin as in `inverse_margin`. Invariant when ReLU layers are rescaled or all
    logits scaled.
    """
    return _require_finite(_sum_squared_paths(subject) * math.exp(-2 * log_margin(subject)))


@measure(
    source="Neyshabur et al. 2015, arXiv:1503.00036 (path norms)",
    family="path",
    cost=COST,
    weights_only=True,
    version=2,
)
def l1_path_norm(subject: Subject) -> float:
    r"""Sum of the outputs for an input of ones, with the absolute values of all weights and biases.

    .. math:: \sum_k f_{\lvert w \rvert}(\mathbf{1})_k

    Maxima are taken over sums of paths, as in `path_norm`; `modern_path_norm` adds them up. Unit: that of a weight to
    the power of the depth. Invariant when ReLU layers are rescaled.
    """
    return _sum_paths(subject, 1)


@measure(
    source="Neyshabur et al. 2019, arXiv:1805.12076, published code (L1.5_path norm)",
    family="path",
    cost=COST,
    weights_only=True,
    version=2,
)
def lp_path_norm(subject: Subject) -> float:
    r"""The path norm between `l1_path_norm` and the root of `path_norm`.

    .. math:: \left( \sum_k f_{\lvert w \rvert^p}(\mathbf{1})_k \right)^{1/p}, \quad p = 1.5

    Departs from the published code, which divides by the margin. Constants and pooling as in `path_norm`. Unit: that of
    a weight to the power of the depth. Invariant when ReLU layers are rescaled.
    """
    return math.pow(_sum_paths(subject, P), 1 / P)


@measure(
    source="Gonon et al. 2024, arXiv:2310.01225, sec. 2 (path-lifting)",
    family="path",
    cost=COST,
    weights_only=True,
    version=2,
)
def modern_path_norm(subject: Subject) -> float:
    r"""The l1-norm of the path lifting: every path counts once, also through skips, averages and maxima.

    .. math:: \lVert \Phi(w) \rVert_1 = \sum_{p \in \text{paths}} \prod_{e \in p} \lvert w_e \rvert

    A maximum passes one of its inputs, and paths run through each of them: in the pass that adds up paths it becomes a
    sum, so that the norm bounds the Lipschitz constant of the outputs' l1-norm under changes of at most one in every
    pixel. An average over n has edges of 1/n, and the constants of the architecture are edges, too. The same as
    `l1_path_norm` where nothing is maximized. Unit: that of a weight to the power of the depth. Invariant when ReLU
    layers are rescaled.
    """
    with _MaximaAsSums():
        return _sum_paths(subject, 1)


@shared
def _sum_squared_paths(subject: Subject) -> float:
    return _sum_paths(subject, 2)


def _sum_paths(subject: Subject, power: float) -> float:
    """Sum of the outputs for an input of ones with weights |w|^power.

    Raises:
        UnsupportedModelError: paths are undefined through an operation between layers, or the sum exceeds float64.
    """
    barred = operations(subject) - POSITIVE
    if barred:
        raise UnsupportedModelError(
            f"A sum over paths is undefined through {', '.join(sorted(barred))}: the operations between layers must be "
            "ReLU, pooling and addition."
        )
    ones = torch.ones_like(subject.inputs[:1], dtype=torch.float64)
    raised = [_raise_weights(layer, power) for layer in layers(subject)]
    return _require_finite(float(folded_logits(subject, raised, ones).sum()))


def _raise_weights(layer: Layer, power: float) -> Layer:
    bias = None if layer.bias is None else layer.bias.double().abs() ** power
    return replace(layer, weight=layer.weight.double().abs() ** power, bias=bias)


def _require_finite(total: float) -> float:
    if math.isinf(total):
        raise UnsupportedModelError("The sum over paths exceeds 10^308, the largest number of float64.")
    return total


class _MaximaAsSums(TorchFunctionMode):
    """Adds up the windows of max-pooling, whose inputs are at least zero."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the function, a pooling of sums if it is one of maxima."""
        del types
        given = kwargs or {}
        name = func.__name__
        if name.startswith("max_pool") and name.endswith("d"):
            return _sum_pool(func, *args, **given)
        if name.startswith("adaptive_max_pool"):
            return _adaptive_sum_pool(func, *args, **given)
        return func(*args, **given)


def _sum_pool(
    func: Callable[..., Any],
    inputs: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    *rest: Any,
    **named: Any,
) -> Tensor:
    """Sums over the windows of this max-pooling [b, c, *out] of `inputs` [b, c, *in]."""
    like = func(inputs, kernel_size, stride, padding, dilation, *rest, **named)
    dims = inputs.dim() - 2

    def numbers(option: Any) -> list[int]:
        return [option] * dims if isinstance(option, int) else list(option)

    sizes, gaps, before = numbers(kernel_size), numbers(dilation), numbers(padding)
    steps = numbers(stride) if stride else sizes
    # What the last window needs beyond the image: windows that round up reach over the edge, others leave some out.
    reach = [(like.shape[2 + d] - 1) * steps[d] + gaps[d] * (sizes[d] - 1) + 1 - before[d] for d in range(dims)]
    edges = [number for d in reversed(range(dims)) for number in (before[d], reach[d] - inputs.shape[2 + d])]
    padded = functional.pad(inputs, edges).flatten(0, 1).unsqueeze(1)
    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[dims - 1]
    sums = convolve(padded, padded.new_ones(1, 1, *sizes), stride=steps, dilation=gaps)
    return sums.reshape(like.shape)


def _adaptive_sum_pool(func: Callable[..., Any], inputs: Tensor, *args: Any, **given: Any) -> Tensor:
    """Sums over the windows of this adaptive max-pooling [b, c, *out] of `inputs` [b, c, *in]."""
    sums, out = inputs, func(inputs, *args, **given).shape
    for axis in range(2, inputs.dim()):
        size, count = inputs.shape[axis], out[axis]
        windows = [sums.narrow(axis, i * size // count, -(-(i + 1) * size // count) - i * size // count)
                   for i in range(count)]  # fmt: skip
        sums = torch.stack([window.sum(axis) for window in windows], axis)
    return sums
