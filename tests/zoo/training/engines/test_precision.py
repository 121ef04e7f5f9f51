"""Test the rounding of bf16, and the settings of float32 on a GPU."""

import torch
from torch.nn import functional

from zoo.training.engines.precision import exactly, products


def test_products_are_rounded_and_nothing_else() -> None:
    """A linear layer is the product of rounded operands, rounded, in float32 again; a softmax is untouched."""
    draw = torch.Generator().manual_seed(0)
    x, w = (torch.randn(size, generator=draw) for size in ((5, 7), (3, 7)))
    with products("bf16"):
        linear, probabilities = functional.linear(x, w), x.softmax(1)
        others = x @ w.T, torch.matmul(x, w.T), torch.mm(x, w.T), torch.bmm(x[None], w.T[None])[0]

    expected = (x.bfloat16() @ w.bfloat16().T).float()
    assert torch.equal(linear, expected)
    assert all(torch.equal(product, expected) for product in others)
    assert not torch.equal(linear, x @ w.T)
    assert torch.equal(probabilities, x.softmax(1))


def test_on_a_gpu_float32_is_no_tf32_and_convolutions_repeat() -> None:
    """Set while networks train, and as before after it; these switches need no GPU."""

    def switches() -> tuple[bool, ...]:
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        return cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32

    before = switches()
    with exactly(torch.device("cuda")):
        assert switches() == (False, True, False, False)
    assert switches() == before
