"""Per-example gradients with respect to a weight, from the input of its operation and the gradient of the output.

Where an operation maps every example by itself, dl_i/dw is a function of the example's input to the operation and of
delta_i = dl_i/dz_i at its output z (Goodfellow 2015, arXiv:1510.01799; Rochette et al. 2019, arXiv:1912.06015), and one
backward pass of the whole batch gives every delta_i.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import torch
from torch import Tensor
from torch.nn import functional

from measures.passes.activations.torch_calls import batch_norm_call, layer_call
from measures.passes.gradients.weight_uses import Call, NoFormulaError, Scratch, Use

SHORT_ROW: Final = 8  # copying rows of fewer numbers from here and there takes longer than a convolution picking them


def find_uses(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], call: "Call") -> list[Use]:
    """Every use of a weight in one call, which has been made.

    Raises:
        NoFormulaError: the operation is none of those here, or does not map every example by itself.
    """
    if not isinstance(call.output, Tensor) or call.output.shape[:1] != (call.num_examples,):
        raise NoFormulaError(f"{func} does not return one output an example.")
    if not call.output.requires_grad:
        raise NoFormulaError(f"{func} stands where autograd does not look.")
    return FORMULAS[func](args, kwargs, call)


def _linear(args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> list[Use]:
    """Z = a W^T + b on the last axis: gradients sum_t delta_t a_t^T and sum_t delta_t."""
    named = layer_call(*args, **kwargs)
    a, W, bias = call.checked(named["input"]), named["weight"], named["bias"]
    found = []

    def outer(rows: slice, delta: Tensor, scratch: Scratch) -> Tensor:
        left, right = delta.reshape(len(delta), -1, W.shape[0]), a[rows].reshape(len(delta), -1, W.shape[1])
        return torch.bmm(left.transpose(1, 2), right, out=scratch(len(delta), *W.shape))

    def outer_of_all(rows: slice, deltas: Tensor, scratch: Scratch) -> Tensor:
        s, k = deltas.shape[:2]
        left, right = deltas.reshape(s, k, -1, W.shape[0]), a[rows].reshape(s, -1, W.shape[1])
        joined = left.transpose(2, 3).reshape(s, -1, left.shape[2])  # [s, k out, positions]
        return torch.bmm(joined, right, out=scratch(s, joined.shape[1], W.shape[1])).view(s, k, *W.shape)

    if call.is_weight(W):
        use = call.use(W, outer, W.numel(), a)
        use.jacobian = outer_of_all
        if a.dim() == 2:  # noqa: PLR2004  one vector an example
            z = call.output if bias is None or call.is_weight(bias) else None
            use.flat = a, z, call.output._version  # noqa: SLF001  it has no other name
        found.append(use)
    if call.is_weight(bias):
        use = call.use(bias, lambda _rows, delta, _: delta.reshape(len(delta), -1, len(bias)).sum(1), len(bias))
        if found:
            found[0].beside = use
        found.append(use)
    return found


def _convolution(args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> list[Use]:
    """Z = a * W + b: gradients delta U^T with the windows U of the input, and the sum of delta over positions."""
    named = layer_call(*args, **kwargs)
    a, W, bias = call.checked(named["input"]), named["weight"], named["bias"]
    positions, groups = call.output.shape[2:], int(named.get("groups", 1))
    found = []

    def correlation(rows: slice, delta: Tensor, scratch: Scratch) -> Tensor:
        s, length = len(delta) * groups, math.prod(positions)
        U = _windows(a[rows], W.shape, positions, named, scratch).view(s, -1, length)
        D = delta.reshape(s, -1, length)
        return torch.bmm(D, U.transpose(1, 2), out=scratch(s, D.shape[1], U.shape[1])).view(len(delta), *W.shape)

    def correlation_of_all(rows: slice, deltas: Tensor, scratch: Scratch) -> Tensor:
        s, k = deltas.shape[:2]
        length, out = math.prod(positions), W.shape[0] // groups
        U = _windows(a[rows], W.shape, positions, named, scratch).view(s * groups, -1, length)
        D = deltas.reshape(s, k, groups, out * length).transpose(1, 2).reshape(s * groups, k * out, length)
        found = torch.bmm(D, U.transpose(1, 2), out=scratch(len(U), D.shape[1], U.shape[1]))
        return found.view(s, groups, k, -1).transpose(1, 2).reshape(s, k, *W.shape)

    if call.is_weight(W):
        size = a.shape[1] * math.prod(W.shape[2:]) * math.prod(positions)
        use = call.use(W, correlation, size + W.numel(), a)
        use.jacobian = correlation_of_all
        found.append(use)
    if call.is_weight(bias):
        found.append(call.use(bias, lambda _rows, delta, _: delta.flatten(2).sum(2), len(bias)))
    return found


def _windows(a: Tensor, shape: torch.Size, positions: torch.Size, named: Mapping[str, Any], scratch: Scratch) -> Tensor:
    """Inputs of each entry of the kernel at each position [s, in, *kernel, *positions]."""
    kernel, num_axes = shape[2:], len(positions)
    if positions[-1] < SHORT_ROW and math.prod(kernel) > 1 and a.device.type == "cpu":
        return _windows_by_convolution(a, shape, named)
    stride, dilation = (_per_axis(named.get(option, 1), num_axes) for option in ("stride", "dilation"))
    before, after = _padding(named.get("padding", 0), kernel, dilation)
    if any(before) or any(after):
        pairs = zip(reversed(before), reversed(after), strict=True)  # torch pads the last axis first
        a = functional.pad(a, [margin for pair in pairs for margin in pair])
    elif max(kernel) == 1 == max(stride):
        return a.contiguous()
    steps = a.stride()[2:]
    windows = a.as_strided(
        (*a.shape[:2], *kernel, *positions),
        (
            *a.stride()[:2],
            *(step * apart for step, apart in zip(steps, dilation, strict=True)),
            *(step * apart for step, apart in zip(steps, stride, strict=True)),
        ),
        a.storage_offset(),
    )
    return scratch(*windows.shape).copy_(windows)


def _windows_by_convolution(a: Tensor, shape: torch.Size, named: Mapping[str, Any]) -> Tensor:
    """The same [s, in, prod kernel, *positions] as a convolution of each channel with kernels of a single one."""
    kernel = shape[2:]
    ones = torch.eye(math.prod(kernel), dtype=a.dtype).view(-1, 1, *kernel)
    options = {option: named[option] for option in ("stride", "padding", "dilation") if option in named}
    convolution = (functional.conv1d, functional.conv2d, functional.conv3d)[len(kernel) - 1]
    picked: Tensor = convolution(a.reshape(-1, 1, *a.shape[2:]), ones, **options)
    return picked.view(*a.shape[:2], *picked.shape[1:])


def _padding(padding: object, kernel: torch.Size, dilation: list[int]) -> tuple[list[int], list[int]]:
    """Zeros before and after each axis."""
    if padding == "valid":
        return [0] * len(kernel), [0] * len(kernel)
    if padding == "same":
        total = [apart * (size - 1) for apart, size in zip(dilation, kernel, strict=True)]
        return [margin // 2 for margin in total], [margin - margin // 2 for margin in total]
    return _per_axis(padding, len(kernel)), _per_axis(padding, len(kernel))


def _per_axis(option: Any, num_axes: int) -> list[int]:
    """One number an axis."""
    return [option] * num_axes if isinstance(option, int) else [*option] * (num_axes // len(option))


LAYER_NORM: Final = inspect.signature(functional.layer_norm)
GROUP_NORM: Final = inspect.signature(functional.group_norm)


def _layer_norm(args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> list[Use]:
    """Z = w u + b with the normalised input u: gradients of the sums of delta u and of delta over positions."""
    named = _bind_arguments(LAYER_NORM, args, kwargs)
    shape, eps = tuple(named["normalized_shape"]), named["eps"]

    def over_positions(product: Tensor) -> Tensor:
        return product.reshape(len(product), -1, *shape).sum(1)

    return _affine(named, lambda a: functional.layer_norm(a, shape, None, None, eps), over_positions, call)


def _group_norm(args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> list[Use]:
    """As layer norm, a weight for each channel."""
    named = _bind_arguments(GROUP_NORM, args, kwargs)
    groups, eps = named["num_groups"], named["eps"]
    return _affine(named, lambda a: functional.group_norm(a, groups, None, None, eps), _over_positions, call)


def _batch_norm(args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> list[Use]:
    """As layer norm with fixed statistics, a weight for each channel."""
    named = batch_norm_call(*args, **kwargs)
    if named["training"] or named["running_mean"] is None:
        raise NoFormulaError("Batch norm with the statistics of the batch lets examples meet.")
    each = (1, -1, *(1,) * (call.output.dim() - 2))
    center, scale = named["running_mean"].view(each), (named["running_var"] + named["eps"]).rsqrt().view(each)
    return _affine(named, lambda a: (a - center) * scale, _over_positions, call)


def _over_positions(product: Tensor) -> Tensor:
    """Sum [s, channels] over positions."""
    return product.reshape(*product.shape[:2], -1).sum(2)


def _affine(
    named: Mapping[str, Any],
    normalised: Callable[[Tensor], Tensor],
    over_positions: Callable[[Tensor], Tensor],
    call: Call,
) -> list[Use]:
    """Weights that stretch and shift what a norm has made of its input."""
    a, weight, bias = call.checked(named["input"]), named["weight"], named["bias"]
    found = []
    if call.is_weight(weight):
        rule = lambda rows, delta, _: over_positions(normalised(a[rows]).mul_(delta))
        found.append(call.use(weight, rule, 2 * a[0].numel(), a))
    if call.is_weight(bias):
        found.append(call.use(bias, lambda _rows, delta, _: over_positions(delta), bias.numel()))
    return found


def _sum(args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> list[Use]:
    """Z = a + w with w repeated for every example: the sum of delta over what it was repeated for."""
    if kwargs:
        raise NoFormulaError("A scaled sum.")
    _, w = _data_and_weight(args, call)
    return [call.use(w, lambda _rows, delta, _: _sum_broadcast(delta, w), call.output[0].numel())]


def _product(args: tuple[Any, ...], kwargs: dict[str, Any], call: Call) -> list[Use]:
    """Z = a w with w repeated for every example: the sum of delta a over what it was repeated for."""
    if kwargs:
        raise NoFormulaError("A product with options.")
    a, w = _data_and_weight(args, call)
    return [call.use(w, lambda rows, delta, _: _sum_broadcast(delta * a[rows], w), call.output[0].numel(), a)]


def _data_and_weight(args: tuple[Any, ...], call: Call) -> tuple[Tensor, Tensor]:
    """The data and the weight of an elementwise operation of the two."""
    first, second = args
    data, weight = (second, first) if call.is_weight(first) else (first, second)
    if call.kept is not None:
        data = call.kept
    call.checked(data)
    if not isinstance(weight, Tensor) or data.shape != call.output.shape or _broadcast_shape(weight, data)[0] != 1:
        raise NoFormulaError("A weight must be the same for every example.")
    return data, weight


def _broadcast_shape(weight: Tensor, data: Tensor) -> tuple[int, ...]:
    """The shape of a weight with as many axes as the data."""
    return (*(1,) * (data.dim() - weight.dim()), *weight.shape)


def _sum_broadcast(product: Tensor, weight: Tensor) -> Tensor:
    """Sum [s, *shape] over the axes along which the weight was repeated."""
    shape = _broadcast_shape(weight, product)
    axes = [axis for axis in range(1, len(shape)) if shape[axis] == 1]
    return (product.sum(axes) if axes else product).reshape(len(product), *weight.shape)


FORMULAS: Final[Mapping[Callable[..., Any], Callable[[tuple[Any, ...], dict[str, Any], Call], list[Use]]]] = (
    MappingProxyType(
        {
            functional.linear: _linear,
            functional.conv1d: _convolution,
            functional.conv2d: _convolution,
            functional.conv3d: _convolution,
            functional.layer_norm: _layer_norm,
            functional.group_norm: _group_norm,
            functional.batch_norm: _batch_norm,
            torch.add: _sum,
            Tensor.add: _sum,
            Tensor.add_: _sum,
            torch.mul: _product,
            Tensor.mul: _product,
            Tensor.mul_: _product,
        }
    )
)


def _bind_arguments(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments by name."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)
