"""Sum matrix products on the CPU backwards, as another processor may: `python -m pytest -p tests.backwards`.

A test that fails with it holds floating-point work to its last bits.
"""

import warnings

import torch
from torch import Tensor

_library = torch.library.Library("aten", "IMPL")  # lives as long as the tests


def _mm(a: Tensor, b: Tensor) -> Tensor:
    return torch.baddbmm(a.new_zeros(1, 1, 1), a.flip(1)[None], b.flip(0)[None], beta=0)[0]


def _bmm(a: Tensor, b: Tensor) -> Tensor:
    return torch.baddbmm(a.new_zeros(1, 1, 1), a.flip(2), b.flip(1), beta=0)


def _addmm(shift: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    return beta * shift + alpha * _mm(a, b)


def pytest_configure() -> None:
    """Replace torch's products."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Warning only once for all operators")
        for name, function in (("mm", _mm), ("bmm", _bmm), ("addmm", _addmm)):
            _library.impl(name, function, "CPU", allow_override=True)
