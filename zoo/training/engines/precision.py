"""Precision of training: float32 throughout, or matrix products in bfloat16."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, Literal

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Precision = Literal["float32", "bf16"]

PRODUCTS: Final = frozenset({
    functional.linear, functional.conv1d, functional.conv2d, functional.conv3d, functional.bilinear,
    torch.matmul, torch.mm, torch.bmm, torch.addmm, torch.baddbmm,
    Tensor.matmul, Tensor.__matmul__, Tensor.__rmatmul__, Tensor.mm, Tensor.bmm,
    functional.scaled_dot_product_attention,
})  # fmt: skip  # what matrix units do


class _ProductsInBf16(TorchFunctionMode):
    """Operands and results of matrix products and convolutions rounded to bfloat16; all else as it was.

    torch.autocast does not serve: under vmap it leaves convolutions in float32 (torch 2.13 on a CPU).
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Called in place of every function of torch."""
        named = kwargs or {}
        if func not in PRODUCTS:
            return func(*args, **named)
        given = next(value for value in (*args, *named.values()) if isinstance(value, Tensor))
        result = func(*map(_rounded, args), **{name: _rounded(value) for name, value in named.items()})
        return result.to(given.dtype)


def _rounded(value: Any) -> Any:
    return value.bfloat16() if isinstance(value, Tensor) and value.is_floating_point() else value


def products(precision: Precision) -> AbstractContextManager[object]:
    """Matrix products in a precision while it is entered; weights, norms, softmax and losses stay as they are."""
    return _ProductsInBf16() if precision == "bf16" else nullcontext()


@contextmanager
def exactly(device: torch.device) -> Iterator[None]:
    """Turn TF32 off on a GPU and use deterministic convolutions alone."""
    if device.type != "cuda":
        yield
        return
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32
    cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32 = False, True, False, False
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32 = before
