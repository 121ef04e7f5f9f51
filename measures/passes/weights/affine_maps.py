"""Affine maps by channel that are written as products and sums, such as a frozen batch norm or (x - mean) / std."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from measures.passes.activations.tracing import Step

SUMS: Final = {"add": 1, "iadd": 1, "radd": 1, "sub": -1, "isub": -1, "subtract": -1}
PRODUCTS: Final = {
    "mul": 1,
    "imul": 1,
    "rmul": 1,
    "multiply": 1,
    "div": -1,
    "truediv": -1,
    "itruediv": -1,
    "divide": -1,
}


@dataclass(frozen=True, slots=True)
class Affine:
    """(x - center) * scale + shift.

    Attributes:
        input: the activation x.
        scale: as it is broadcast, or one number an output channel.
        shift: as the scale.
        center: as the scale.
    """

    input: Tensor
    scale: Tensor | None
    shift: Tensor | None
    center: Tensor | None = None


def matched_affine(step: Step, *, numbers: bool = False) -> Affine | None:
    """The scale or shift by a constant tensor, and with `numbers` also by a Python number, that a call is."""
    if step.kwargs or step.func is None:
        return None
    active = [id(operand) in step.inputs for operand in step.args]
    if step.func is torch.addcmul and sorted(active[1:]) == [False, True] and not active[0]:
        shift, x, scale = step.args if active[1] else (step.args[0], *step.args[:0:-1])
        return Affine(x, scale.detach(), shift.detach())
    if active in ([True, False], [False, True]):
        return _scale_or_shift(step, *(step.args if active[0] else step.args[::-1]), numbers=numbers)
    return None


def _scale_or_shift(step: Step, x: Tensor, constant: object, *, numbers: bool) -> Affine | None:
    if isinstance(constant, int | float) and numbers:
        constant = torch.tensor(constant, dtype=x.dtype, device=x.device)
    if not isinstance(constant, Tensor) or not constant.is_floating_point():
        return None
    sign = {**SUMS, **PRODUCTS}.get(step.name, 0)
    if sign == 0 or (sign == -1 and step.args[0] is not x):  # a constant minus or over x is another map
        return None
    constant = constant.detach()
    if step.name in SUMS:
        return Affine(x, None, constant * sign)
    return Affine(x, constant if sign == 1 else 1 / constant, None)


def by_channel(affine: Affine, axis: int, num_channels: int) -> Affine | None:
    """The same with one number [channels] for each output of a layer; None if it varies along another axis."""

    def flat(constant: Tensor | None) -> Tensor | None:
        if constant is None:
            return None
        shape = constant.shape
        if len(shape) < -axis or len(shape) > affine.input.dim() or shape[axis] != num_channels:
            raise _OtherAxisError
        if constant.numel() != num_channels:
            raise _OtherAxisError
        return constant.flatten()

    try:
        return Affine(affine.input, flat(affine.scale), flat(affine.shift))
    except _OtherAxisError:
        return None


class _OtherAxisError(Exception):
    """A constant varies along another axis than the channels."""


def input_maps(steps: list[Step], uses: Mapping[int, int]) -> dict[Step, Affine]:
    """The fixed affine maps that the input passes before anything else is done with it.

    Products with positive numbers alone are none: those are operations that paths pass.
    """
    found: dict[Step, Affine] = {}
    number, fixed = 0, False
    for step in steps:
        if number not in step.inputs.values():
            continue
        affine = matched_affine(step, numbers=True)
        if uses[number] > 1 or step.weights or affine is None or len(step.outputs) != 1:
            break
        found[step] = affine
        fixed = fixed or any(isinstance(operand, Tensor) for operand in step.args if operand is not affine.input)
        fixed = fixed or affine.shift is not None
        number = step.outputs[0][0]
    return found if fixed else {}
