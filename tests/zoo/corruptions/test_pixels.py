"""Corruptions of pixels."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from zoo.corruptions.pixels import CHUNK, gaussian_pixels, pixel_permutation, random_pixels, shuffled_pixels
from zoo.seeds import generator

shapes = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6))


def marked(shape: tuple[int, int, int, int]) -> Tensor:
    """Images whose values say image, channel and position: 10,000 i + 1,000 c + position."""
    n, c, h, w = shape
    position = torch.arange(h * w).view(1, 1, h, w)
    return 10_000 * torch.arange(n).view(n, 1, 1, 1) + 1_000 * torch.arange(c).view(1, c, 1, 1) + position


@given(shapes, st.integers())
def test_permutations_keep_each_image_its_pixels_and_their_channels(
    shape: tuple[int, int, int, int], seed: int
) -> None:
    """Positions are permuted within an image, and a colour moves as one."""
    images = marked(shape)
    order = pixel_permutation(images, generator(seed))
    for permuted in (random_pixels(images, generator(seed)), shuffled_pixels(images, order)):
        assert permuted.shape == images.shape
        assert torch.equal(permuted.flatten(2).sort(dim=2).values, images.flatten(2))
        assert torch.equal(permuted % 1_000, (permuted % 1_000)[:, :1].expand_as(permuted))


@given(shapes, st.integers())
def test_shuffled_pixels_move_all_images_alike(shape: tuple[int, int, int, int], seed: int) -> None:
    """Pixel by pixel, as in the paper: position j of each new image is position order[j] of the old one."""
    n, c, h, w = shape
    images = marked(shape)
    order = pixel_permutation(images, generator(seed)).tolist()
    shuffled = shuffled_pixels(images, torch.tensor(order))
    assert sorted(order) == list(range(h * w))
    for i in range(n):
        for channel in range(c):
            for j in range(h * w):
                assert shuffled[i, channel, j // w, j % w] == images[i, channel, order[j] // w, order[j] % w]


def test_random_pixels_move_each_image_differently_across_chunks() -> None:
    """No two of more images than a chunk holds share an order, and each position is equally likely."""
    n = CHUNK + 500
    images = torch.arange(64, dtype=torch.uint8).view(1, 1, 8, 8).repeat(n, 1, 1, 1)

    permuted = random_pixels(images, generator("orders")).flatten(1)

    assert permuted.dtype == torch.uint8
    assert len(permuted.unique(dim=0)) == n
    where = permuted.long().argmax(dim=1).bincount(minlength=64)  # of pixel 63; mean 23.8, standard deviation 4.8
    assert where.min() > 0
    assert where.max() < 24 + 6 * 4.8


def test_gaussian_pixels_have_the_moments_of_each_channel() -> None:
    """Moments to the fourth within five standard errors; neighbours, channels and images independent."""
    mean, std = torch.tensor([10.0, 120.0, 250.0]), torch.tensor([1.0, 60.0, 0.0])
    images = torch.zeros(CHUNK + 176, 3, 8, 8, dtype=torch.uint8)

    drawn = gaussian_pixels(images, mean, std, generator("moments"))

    assert drawn.dtype == torch.float32
    assert drawn.shape == images.shape
    assert bool((drawn[:, 2] == 250).all())
    assert drawn.max() > 255  # not clipped
    assert not torch.equal(drawn, drawn.round())
    z = (drawn[:, :2].double() - mean[:2].view(-1, 1, 1)) / std[:2].view(-1, 1, 1)
    error = 5 / math.sqrt(z[:, 0].numel())  # five standard errors of the mean of a standard normal
    for channel in (z[:, 0], z[:, 1]):
        assert abs(float(channel.mean())) < error
        assert abs(float(channel.square().mean()) - 1) < error * math.sqrt(2)
        assert abs(float(channel.pow(4).mean()) - 3) < error * math.sqrt(96)
    assert abs(float((z[:, 0] * z[:, 1]).mean())) < error
    assert abs(float((z[:, 0, :, 1:] * z[:, 0, :, :-1]).mean())) < error * math.sqrt(8 / 7)
    assert abs(float((z[:CHUNK:2, 0] * z[1:CHUNK:2, 0]).mean())) < error * math.sqrt(3)


@given(st.integers(), st.integers())
def test_other_seeds_give_other_pixels(seed: int, other: int) -> None:
    """And the same seed the same ones; the argument is left alone."""
    images = marked((2, 3, 6, 6))
    one, zero = torch.ones(3), torch.zeros(3)
    permuted = [random_pixels(images, generator(each)) for each in (seed, seed, other)]
    drawn = [gaussian_pixels(images, zero, one, generator(each)) for each in (seed, seed, other)]
    for first, again, third in (permuted, drawn):
        assert torch.equal(first, again)
        assert torch.equal(first, third) == (seed == other)
    assert torch.equal(images, marked((2, 3, 6, 6)))
