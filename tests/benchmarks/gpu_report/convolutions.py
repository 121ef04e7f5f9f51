"""A fleet's convolutions, forward and backward: grouped, as vmap makes them, against matrix products of the same."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn import functional

from tests.benchmarks.gpu_report.apart import Part
from tests.benchmarks.gpu_report.device import waited
from zoo.training.engines.precision import Precision, exactly, products

REPEATS: Final = 10
KERNELS: Final = ((1, 1), (3, 2))  # side and stride, as in nin


def one_by_one(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """One network's own convolution."""
    return functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)


def as_products(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """The same as a product with columns: of pixels, or of patches of pixels."""
    side = weight.shape[-1]
    columns = x.flatten(2) if side == stride == 1 else functional.unfold(x, side, padding=side // 2, stride=stride)
    rows = x.shape[-1] // stride
    return torch.matmul(weight.flatten(1), columns).view(len(x), len(weight), rows, rows)


Way = Callable[[Tensor, Tensor, int], Tensor]

WAYS: Final[dict[str, Way]] = {
    "grouped": lambda x, w, stride: vmap(functools.partial(one_by_one, stride=stride))(x, w),
    "products": lambda x, w, stride: vmap(functools.partial(as_products, stride=stride))(x, w),
    "loop": lambda x, w, stride: torch.stack([one_by_one(a, b, stride) for a, b in zip(x, w, strict=True)]),
}


def compared(
    device: torch.device,
    fleet: int,
    batch: int,
    shapes: Sequence[tuple[int, int]],
    precisions: Sequence[Precision],
    part: Part,
) -> None:
    """Milliseconds of a layer for a whole fleet, by kernel, channels and side of the image, precision and way.

    "loop" is as many single convolutions, whose launches a recording would hide.
    """
    rows: list[dict[str, Any]] = []
    for channels, side in shapes:
        for kernel, stride in KERNELS:
            x = torch.randn(fleet, batch, channels, side, side, device=device, requires_grad=True)
            weight = torch.randn(fleet, channels, channels, kernel, kernel, device=device, requires_grad=True)
            for precision in precisions:
                row: dict[str, Any] = {"kernel": kernel, "channels": channels, "side": side, "precision": precision}
                rows.append(row)
                for name, way in WAYS.items():
                    if part.left < 0:
                        return
                    with part.failing(f"{row}, {name}"):
                        row[name] = 1e3 * _seconds(way, (x, weight, stride), precision, device)
                        part.keep(fleet=fleet, batch=batch, convolutions=rows)


def _seconds(way: Way, given: tuple[Tensor, Tensor, int], precision: Precision, device: torch.device) -> float:
    """Of a pass forward and backward."""

    def both() -> None:
        with products(precision):
            answer = way(*given)
        torch.autograd.grad(answer, given[:2], torch.ones_like(answer))

    with exactly(device):
        both()
        start = waited(device)
        for _ in range(REPEATS):
            both()
        return (waited(device) - start) / REPEATS
