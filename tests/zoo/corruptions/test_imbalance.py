"""Long-tailed training sets: sizes by Cui et al.'s formula, nested draws, and what is refused."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.corruptions import DataSpec, prepare
from zoo.corruptions.imbalance import long_tailed, long_tailed_sizes
from zoo.data.datasets import load

DIGITS = load("digits")


def test_sizes_of_long_tailed_cifar() -> None:
    """5,000 images a class, imbalance 100 and 10: the sizes of the released code, int(n mu^c)."""
    assert long_tailed_sizes([5000] * 10, 100) == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert sum(long_tailed_sizes([5000] * 10, 10)) == 20431
    assert long_tailed_sizes([7, 0, 5], 1) == [7, 0, 5]


@given(st.integers(2, 12), st.integers(50, 400), st.floats(1, 50))
def test_sizes_fall_from_the_first_class_to_the_last(num_classes: int, count: int, ratio: float) -> None:
    """All of the first class, a share 1 / ratio of the last, down to whole images."""
    sizes = long_tailed_sizes([count] * num_classes, ratio)

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == count
    assert count / ratio - 1 < sizes[-1] <= count / ratio + 1e-6


def test_a_training_set_is_long_tailed_and_nothing_else_changes() -> None:
    """Of the same images, by true labels whatever is done to these; a larger ratio takes from a smaller one's."""
    plain = prepare(DIGITS, DataSpec(train_size=600))
    tails = [prepare(DIGITS, DataSpec(train_size=600, imbalance=ratio)) for ratio in (1, 5, 20)]
    images = [{image.numpy().tobytes() for image in tail.train_images} for tail in tails]
    counts = torch.bincount(plain.train_labels).tolist()

    assert torch.equal(tails[0].train_images, plain.train_images)
    assert torch.bincount(tails[2].train_labels).tolist() == long_tailed_sizes(counts, 20)
    assert images[2] < images[1] < images[0]
    for name in ("test_images", "test_labels", "held_out_images", "mean", "std"):
        assert torch.equal(getattr(plain, name), getattr(tails[2], name))
    noisy = prepare(DIGITS, DataSpec(train_size=600, imbalance=20, corruption="random_labels"))
    assert torch.equal(noisy.train_images, tails[2].train_images)
    assert not torch.equal(noisy.train_labels, tails[2].train_labels)


def test_which_images_stay_depends_on_the_seed() -> None:
    """And on the names."""
    labels = torch.arange(400) % 4
    draws = [tuple(long_tailed(labels, 4, 10, "set", seed).tolist()) for seed in (0, 0, 1)]

    assert draws[0] == draws[1] != draws[2]


def test_pairs_come_after_imbalance() -> None:
    """Two rounds of what is left."""
    tail = prepare(DIGITS, DataSpec(train_size=600, imbalance=20))
    paired = prepare(DIGITS, DataSpec(train_size=600, imbalance=20, pairs=2))

    assert len(paired.train_labels) == 2 * len(tail.train_labels)
    with pytest.raises(ValueError, match="pairs must be at most the number of images of the smallest class, 3"):
        prepare(DIGITS, DataSpec(train_size=600, imbalance=20, pairs=4))


def test_what_cannot_be_is_refused() -> None:
    """No ratio, or one that leaves a class empty, with the largest that does not."""
    for ratio in (0.5, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="imbalance must be at least 1, the ratio of the largest"):
            DataSpec(imbalance=ratio)
    message = "imbalance must leave an image of each class; 20 leaves none of the 10 .* class 7.*Use at most 10,"
    with pytest.raises(ValueError, match=message):
        prepare(DIGITS, DataSpec(train_size=100, imbalance=20))
    assert long_tailed_sizes([10] * 10, 10)[-1] == 1
    with pytest.raises(ValueError, match=r"leaves none of the 10 training images of class 9\. Use at most 10, or more"):
        long_tailed_sizes([10] * 10, 10.1)
