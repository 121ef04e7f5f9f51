"""Arithmetic that has the same bits on every processor, against the libraries' own."""

import math

import pytest
import torch

from zoo import ieee
from zoo.seeds import generator


@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 1000])
def test_total_is_the_sum_of_halves(length: int) -> None:
    """Within rounding of the exact sum, and of two halves the sum of their sums."""
    x = torch.randn(3, length, generator=generator("x"), dtype=torch.float64)
    assert ieee.total(x).tolist() == pytest.approx([math.fsum(row) for row in x.tolist()], abs=1e-13)
    if length % 2 == 0:
        assert torch.equal(ieee.total(x), ieee.total(x[:, : length // 2] + x[:, length // 2 :]))


def test_mean_of_pixels_is_each_channels() -> None:
    """Of images that are not square."""
    x = torch.rand(2, 3, 5, 7, generator=generator("x"), dtype=torch.float64)
    assert torch.allclose(ieee.mean_of_pixels(x), x.mean(dim=(2, 3), keepdim=True), rtol=1e-14, atol=0)


def test_grey_levels_are_the_nearest_and_a_half_goes_up() -> None:
    """Even if a rounding error misses it; values out of range are clipped."""
    levels = torch.arange(255, dtype=torch.float64)
    assert torch.equal(ieee.grey_levels((levels + 0.49) / 255), levels)
    for error in (-1e-12, 0, 1e-12):
        assert torch.equal(ieee.grey_levels((levels + 0.5 + error) / 255), levels + 1)
    assert ieee.grey_levels(torch.tensor([-1.0, 2.0], dtype=torch.float64)).tolist() == [0, 255]


def test_elementary_functions_are_right_to_the_last_bits() -> None:
    """Exponential, logarithm, sine and cosine over their ranges; at whole quarters exactly."""
    x = torch.rand(10_000, generator=generator("x"), dtype=torch.float64)
    assert torch.allclose(ieee.log(x), x.log(), rtol=1e-15, atol=0)
    assert torch.allclose(ieee.log(1e9 * x), (1e9 * x).log(), rtol=1e-15, atol=1e-15)
    turns = 4 * x - 2
    sine, cosine = ieee.sine_cosine(turns)
    assert torch.allclose(sine, (2 * math.pi * turns).sin(), rtol=0, atol=4e-15)
    assert torch.allclose(cosine, (2 * math.pi * turns).cos(), rtol=0, atol=4e-15)
    sine, cosine = ieee.sine_cosine(torch.arange(-4, 5, dtype=torch.float64) / 4)
    assert sine.tolist() == [0, 1, 0, -1, 0, 1, 0, -1, 0]
    assert cosine.tolist() == [1, 0, -1, 0, 1, 0, -1, 0, 1]
    assert [ieee.exp(y) for y in (-700.0, -1.5, 0.0)] == pytest.approx(
        [math.exp(y) for y in (-700, -1.5, 0)], rel=1e-15
    )


def test_gaussian_weights_have_sum_one() -> None:
    """And the ratios of the density."""
    weights = ieee.gaussian(range(-2, 3), 0.8)
    assert math.fsum(weights) == pytest.approx(1, rel=1e-15)
    assert weights[0] / weights[2] == pytest.approx(math.exp(-0.5 * (2 / 0.8) ** 2), rel=1e-14)


@pytest.mark.parametrize("shape", [(16,), (64,), (3, 7), (5, 3, 9, 14), (7, 1, 100, 100)])
def test_normal_draws_are_torchs(shape: tuple[int, ...]) -> None:
    """Number by number, whether or not 16 divides them, and the generator is left alike."""
    ours, theirs = generator("normal"), generator("normal")
    expected = torch.randn(shape, generator=theirs, dtype=torch.float64)
    assert torch.allclose(ieee.normal(shape, ours), expected, rtol=1e-13, atol=1e-14)
    assert torch.equal(ours.get_state(), theirs.get_state())


def test_a_few_normal_draws_are_the_first_of_sixteen() -> None:
    """For shapes that `torch.randn` draws in another way."""
    assert torch.equal(ieee.normal((2, 2), generator(0)).flatten(), ieee.normal((16,), generator(0))[:4])
