"""The draw of examples: that of one product with all inputs, without a float64 copy of them all."""

from typing import Any, Final

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from measures.api import Subject, seed_for

SHAPES: Final = ((1, 1, 1), (1, 3, 3), (1, 8, 8), (3, 8, 8), (3, 11, 11))
ROUNDING: Final = 1e-6  # of keys, which scrambling enlarges: a processor sums each product in an order of its choice
COUNTS: Final = (1, 2, 7, 36, 255, 256, 257, 263, 512, 700)


def subject_of(inputs: Tensor, seed: int = 0) -> Subject:
    """A linear network of two classes on these inputs."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(inputs[0].numel(), 2)).to(inputs.dtype)
    return Subject(model, inputs, torch.arange(len(inputs)) % 2, seed=seed)


def keys(inputs: Tensor, seed: int = 0) -> Tensor:
    """The numbers [n] that order the examples: x_i . w in float64 with Gaussian w, scrambled."""
    flat = inputs.reshape(len(inputs), -1).float().double()
    draw = torch.Generator().manual_seed(seed_for(seed, "example_order"))
    key = flat @ torch.randn(flat.shape[1], generator=draw, dtype=torch.float64)
    return torch.frac(torch.sin(key * 12.9898) * 43758.5453).abs()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_order_is_that_of_one_product(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """For any count, also of inputs that are equal, all zero, or stored with the channels last."""
    draw = torch.Generator().manual_seed(1)
    for count in COUNTS:
        plain = torch.randn(count, *shape, generator=draw, dtype=dtype)
        twice = plain[torch.randint(max(count // 3, 1), (count,), generator=draw)]
        grey = (plain * 8).round() / 8
        for inputs in (plain, twice, grey, torch.zeros_like(plain), plain.to(memory_format=torch.channels_last)):
            for seed in (0, 3):
                order = subject_of(inputs, seed).sample(count)
                assert sorted(order.tolist()) == list(range(count))
                assert float(keys(inputs, seed)[order].diff().clamp(max=0).sum()) >= -ROUNDING, count


@pytest.mark.parametrize("count", [36, 257, 700])
def test_the_same_examples_are_drawn_whatever_their_order(count: int) -> None:
    """Also where some are there twice, and by a network in float64."""
    draw = torch.Generator().manual_seed(2)
    plain = torch.randn(count, 3, 8, 8, generator=draw)
    for inputs in (plain, plain[torch.randint(count // 2, (count,), generator=draw)]):
        turned = inputs[torch.randperm(count, generator=draw)]
        drawn = inputs[subject_of(inputs).sample(count // 2)]

        assert torch.equal(turned[subject_of(turned).sample(count // 2)], drawn)
        assert torch.equal(inputs[subject_of(inputs.double()).sample(count // 2)], drawn)


class Largest(TorchDispatchMode):
    """Keeps the bytes of the largest tensor that is made."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do it, and look at what came of it; a view is no copy."""
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and not func.is_view:
            self.bytes = max(self.bytes, made.numel() * made.element_size())
        return made


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_copy_of_all_inputs_is_made(dtype: torch.dtype) -> None:
    """The largest tensor is a chunk of 256 in float64, of 5,000 inputs."""
    subject = subject_of(torch.randn(5000, 3, 8, 8, dtype=dtype, generator=torch.Generator().manual_seed(0)))
    with Largest() as largest:
        subject.sample(10)

    assert largest.bytes == 256 * 192 * 8
