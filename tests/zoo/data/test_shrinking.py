"""Images shrunk by averaging blocks of pixels."""

import numpy as np
import pytest
import torch

from zoo.corruptions import DataSpec, prepare
from zoo.data.datasets import load
from zoo.data.shrinking import shrink

DIGITS = load("digits")


def test_a_pixel_is_the_mean_of_its_block() -> None:
    """NumPy's, rounded, for training and test images."""
    small = shrink(DIGITS, 4)
    for images, original in ((small.train_images, DIGITS.train_images), (small.test_images, DIGITS.test_images)):
        blocks = original.numpy().reshape(len(original), 1, 4, 2, 4, 2).astype(float)
        assert np.array_equal(images.numpy(), blocks.mean((3, 5)).round())
        assert images.dtype == torch.uint8


def test_images_of_that_side_stay() -> None:
    """As they are, without a copy."""
    assert shrink(DIGITS, 8) is shrink(DIGITS, None) is DIGITS


def test_a_side_that_does_not_divide_is_refused() -> None:
    """Also one that is larger."""
    for side in (3, 16):
        with pytest.raises(
            ValueError, match=f"image_side must divide the side.*got {side} for 'digits', which is 8 x 8"
        ):
            shrink(DIGITS, side)


def test_a_spec_shrinks() -> None:
    """Before anything is drawn."""
    assert prepare(DIGITS, DataSpec(image_side=2, train_size=20)).train_images.shape == (20, 1, 2, 2)
