"""Copies with erased values."""

import hashlib
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.corruptions.erased import erased_copies, splitmix64
from zoo.data.datasets import load
from zoo.seeds import generator

IMAGES = load("digits").train_images[:100] // 2 + 1  # no value is zero, so that zeros are erased ones
SIZE = 64


def reference(seed: int, count: int) -> list[int]:
    """SplitMix64 as it is published: a state that moves on, and unsigned numbers."""
    mask, state, numbers = 2**64 - 1, seed, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        numbers.append(z ^ (z >> 31))
    return numbers


@given(st.integers(0, 2**63 - 2))
def test_numbers_are_splitmix64(seed: int) -> None:
    """Against the sequential generator; and its first number for the seed 1234567, as published."""
    assert [number % 2**64 for number in splitmix64(torch.arange(20), seed).tolist()] == reference(seed, 20)
    assert reference(1234567, 1) == [6457827717110365317]


@given(copies=st.integers(1, 5), fraction=st.floats(0.02, 0.98), seed=st.integers())
@settings(max_examples=30)
def test_each_copy_has_the_fraction_erased_and_is_else_the_image(copies: int, fraction: float, seed: int) -> None:
    """The floor of the fraction times the values, of every copy."""
    erased = erased_copies(IMAGES, copies, fraction, generator(seed))
    every = erased.tensor()
    assert every.dtype == torch.uint8
    assert len(every) == len(erased) == 100 * copies
    gone = every == 0
    assert set(gone.flatten(1).sum(1).tolist()) == {math.floor(fraction * SIZE)}
    assert torch.equal(every, IMAGES.repeat(copies, 1, 1, 1).where(~gone, 0))


def test_a_fraction_that_is_whole_is_not_rounded_down() -> None:
    """0.29 x 100 is 28.999... in floating point."""
    images = torch.ones(1, 1, 10, 10, dtype=torch.uint8)
    assert int((erased_copies(images, 1, 0.29, generator(0)).tensor() == 0).sum()) == 29


def test_a_batch_holds_the_copies_at_its_indices_whatever_else_it_holds() -> None:
    """In any order and shape; and fewer copies are the first of more."""
    erased = erased_copies(IMAGES, 3, 0.1, generator("batch"))
    every = erased.tensor()
    index = torch.randint(300, (4, 7), generator=generator("index"))
    assert torch.equal(erased[index], every[index])
    fewer = erased_copies(IMAGES, 2, 0.1, generator("batch"))
    assert torch.equal(fewer.tensor(), every[:200])
    more = erased_copies(IMAGES, 3, 0.2, generator("batch"))
    assert bool((more.tensor()[every == 0] == 0).all()), "a larger fraction erases the same values and others"


def test_the_erased_values_are_uniform_and_independent() -> None:
    """Every value as often as any other, five standard deviations; two copies share as many as chance gives."""
    gone = (erased_copies(IMAGES, 100, 0.25, generator("uniform")).tensor() == 0).flatten(1).double()
    n, rate = len(gone), 16 / SIZE
    deviation = math.sqrt(n * rate * (1 - rate))
    assert float((gone.sum(0) - n * rate).abs().max()) < 5 * deviation
    shared = (gone[:-100] * gone[100:]).sum(1)  # of one copy of an image and the next one
    hypergeometric = 16 * rate * (1 - rate) * (SIZE - 16) / (SIZE - 1)
    assert float(shared.mean()) == pytest.approx(16 * rate, abs=5 * math.sqrt(hypergeometric / len(shared)))


def test_values_are_erased_one_channel_at_a_time() -> None:
    """As in the released code; whole pixels would go in all three channels at once."""
    colour = IMAGES.expand(-1, 3, -1, -1).contiguous()
    gone = erased_copies(colour, 1, 0.5, generator(0)).tensor() == 0
    assert not torch.equal(gone[:, 0], gone[:, 1])
    assert set(gone.flatten(1).sum(1).tolist()) == {96}


def test_labels_are_uniform_and_drawn_copy_by_copy() -> None:
    """Chi-squared of ten classes, 9 degrees of freedom: 99.9999 % lie under 45; fewer copies have the first labels."""
    erased = erased_copies(IMAGES, 200, 0.1, generator(0))
    labels = erased.labels(10, generator("labels"))
    counts = labels.bincount(minlength=10).double()
    assert float(((counts - 2000).square() / 2000).sum()) < 45
    fewer = erased_copies(IMAGES, 2, 0.1, generator(0)).labels(10, generator("labels"))
    assert torch.equal(fewer, labels[:200])
    assert not torch.equal(labels[:100], labels[100:200])


def test_golden_hash_of_the_copies() -> None:
    """The bits that a pretraining stands for; see test_conditions.py for what a change means."""
    every = erased_copies(load("digits").train_images[:200], 3, 0.1, generator("golden")).tensor()
    assert hashlib.sha256(every.numpy().tobytes()).hexdigest()[:16] == "2cf6a70e17372012"


@pytest.mark.parametrize(("copies", "fraction"), [(0, 0.1), (2, 0.0), (2, 0.01), (2, 1.0), (2, -0.1), (2, math.nan)])
def test_copies_that_make_no_sense_are_refused(copies: int, fraction: float) -> None:
    """None, or with nothing or everything erased."""
    with pytest.raises(ValueError, match="must be at least 1; got 0" if copies == 0 else "fraction to erase must"):
        erased_copies(IMAGES, copies, fraction, generator(0))
