"""Corruptions of labels."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.corruptions.labels import corrupt_labels, random_labels, resampled
from zoo.seeds import generator

LABELS = torch.arange(10).repeat(1000)

rates = st.floats(0, 1)


@given(p=rates, seed=st.integers(), k=st.integers(2, 30))
def test_a_fraction_p_times_one_minus_one_over_k_changes(p: float, seed: int, k: int) -> None:
    """The new class may be the old one; within five standard deviations of the binomial count."""
    labels = torch.arange(k).repeat(400)

    changed = int((corrupt_labels(labels, k, p, generator(seed)) != labels).sum())

    rate = p * (1 - 1 / k)
    assert abs(changed - rate * len(labels)) <= 5 * math.sqrt(len(labels) * rate * (1 - rate)) + 1e-9


def test_replacements_are_uniform_whatever_the_old_class() -> None:
    """Chi-squared of the 10 x 10 table of old and new classes, 90 degrees of freedom: 99.9999 % lie under 170."""
    table = torch.bincount(10 * LABELS + random_labels(LABELS, 10, generator("uniform")), minlength=100).double()
    assert table.sum() == 10_000
    assert float(((table - 100).square() / 100).sum()) < 170


@given(seed=st.integers())
def test_none_at_zero_and_all_at_one(seed: int) -> None:
    """The ends of the range: true labels, and random ones."""
    assert torch.equal(corrupt_labels(LABELS, 10, 0.0, generator(seed)), LABELS)
    at_one = corrupt_labels(LABELS, 10, 1.0, generator(seed))
    assert torch.equal(at_one, random_labels(LABELS, 10, generator(seed)))
    assert torch.equal(at_one, random_labels(9 - LABELS, 10, generator(seed)))  # nothing of the old label is left


@given(low=rates, high=rates, seed=st.integers())
def test_levels_are_nested(low: float, high: float, seed: int) -> None:
    """A label that is replaced at one level is replaced by the same class at any higher one."""
    low, high = sorted((low, high))
    some, more = (corrupt_labels(LABELS, 10, p, generator(seed)) for p in (low, high))
    changed = some != LABELS
    assert torch.equal(some[changed], more[changed])


def test_the_argument_is_left_alone() -> None:
    """Corruption makes a new tensor of the same type."""
    labels = LABELS.clone()
    assert random_labels(labels, 10, generator(0)).dtype == torch.int64
    assert torch.equal(labels, LABELS)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_a_p_that_is_no_probability_is_refused(p: float) -> None:
    """NaN too."""
    with pytest.raises(ValueError, match="p must lie between 0 and 1"):
        corrupt_labels(LABELS, 10, p, generator(0))


def test_resampled_labels_are_others_at_each_members_rate() -> None:
    """A fraction q of the labels, within five standard deviations, by each other class as often."""
    rates = torch.tensor([0.0, 0.2, 1.0])
    labels = LABELS.expand(3, -1)
    drawn = resampled(labels, rates, 10, [generator("resampled", member) for member in range(3)])
    for rate, row in zip(rates.tolist(), drawn, strict=True):
        changed = int((row != LABELS).sum())
        assert abs(changed - rate * len(LABELS)) <= 5 * math.sqrt(len(LABELS) * rate * (1 - rate))
    table = torch.bincount(10 * LABELS + drawn[2], minlength=100).view(10, 10).double()
    assert bool((table.diagonal() == 0).all())
    expected = 1000 / 9
    assert float((table - expected).square().sum() / expected - 10 * expected) < 160  # chi-squared, 80 degrees


@given(rate=rates, higher=rates, seed=st.integers())
def test_resampling_is_each_members_own_and_nested(rate: float, higher: float, seed: int) -> None:
    """A member draws the same beside others as alone; at a higher rate its changed labels stay as they changed."""
    rate, higher = sorted((rate, higher))
    labels = LABELS[:200].view(1, -1)
    alone = resampled(labels, torch.tensor([rate]), 10, [generator(seed)])
    pair = resampled(labels.repeat(2, 1), torch.tensor([0.5, higher]), 10, [generator("other"), generator(seed)])
    changed = alone[0] != labels[0]
    assert torch.equal(alone[0, changed], pair[1, changed])


def test_each_step_redraws_labels() -> None:
    """The generator moves on, by the same numbers whatever the rate."""
    labels, draws = LABELS.view(1, -1), [generator("a"), generator("b"), generator("b")]
    first, second = (resampled(labels, torch.tensor([0.5]), 10, draws[:1]) for _ in range(2))
    assert not torch.equal(first, second)
    resampled(labels, torch.tensor([0.0]), 10, draws[1:2])
    resampled(9 - labels, torch.tensor([1.0]), 10, draws[2:])
    assert torch.equal(torch.rand(3, generator=draws[1]), torch.rand(3, generator=draws[2]))
