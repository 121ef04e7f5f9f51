"""Stratified subsets."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from zoo.data.datasets import load
from zoo.data.subsets import merge_classes, stratified_subset

class_sizes = st.lists(st.integers(1, 30), min_size=1, max_size=6)


def labels_of(sizes: list[int]) -> Tensor:
    """Labels with this many images a class, shuffled."""
    labels = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    return labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]


@given(st.lists(st.integers(1, 8), min_size=1, max_size=6), st.integers(1, 5), st.data())
def test_whole_quotas_are_met_exactly(ratios: list[int], times: int, data: st.DataObject) -> None:
    """Where size * n_c / n is whole, class c has exactly so many images."""
    part = data.draw(st.integers(1, times))
    labels = labels_of([ratio * times for ratio in ratios])

    chosen = stratified_subset(labels, part * sum(ratios), "quotas", data.draw(st.integers()))

    assert labels[chosen].bincount().tolist() == [ratio * part for ratio in ratios]


@given(class_sizes, st.data())
def test_counts_are_those_of_sainte_lague(sizes: list[int], data: st.DataObject) -> None:
    """No class was refused a seat with a larger quotient n_c / (2 s + 1) than one that was awarded beyond the first."""
    size = data.draw(st.integers(len(sizes), sum(sizes)))
    labels = labels_of(sizes)

    counts = labels[stratified_subset(labels, size, data.draw(st.integers()))].bincount(minlength=len(sizes)).tolist()

    assert sum(counts) == size
    assert min(counts) >= 1
    awarded = [n / (2 * s - 1) for n, s in zip(sizes, counts, strict=True) if s > 1]
    refused = [n / (2 * s + 1) for n, s in zip(sizes, counts, strict=True) if s < n]
    assert not awarded or not refused or min(awarded) >= max(refused)


@given(class_sizes, st.data())
def test_smaller_subsets_lie_within_larger_ones(sizes: list[int], data: st.DataObject) -> None:
    """With the same names; the indices ascend and none comes twice."""
    labels = labels_of(sizes)
    small, large = sorted(data.draw(st.integers(len(sizes), sum(sizes))) for _ in range(2))

    within, around = (stratified_subset(labels, size, "nested").tolist() for size in (small, large))

    assert set(within) <= set(around)
    assert around == sorted(set(around))
    assert len(around) == large


def test_all_images_are_a_subset() -> None:
    """The whole set comes back in its order."""
    labels = labels_of([5, 2, 9])
    assert stratified_subset(labels, 16, 0).tolist() == list(range(16))


def test_names_decide_the_draw() -> None:
    """The same names give the same subset; over 200 seeds each image of a class is drawn about equally often."""
    labels = labels_of([20, 20])
    assert torch.equal(stratified_subset(labels, 10, "a", 1), stratified_subset(labels, 10, "a", 1))

    drawn = torch.cat([stratified_subset(labels, 11, seed) for seed in range(200)])

    each = drawn.bincount(minlength=40)  # binomial with n = 200, p = 0.275: mean 55, standard deviation 6.3
    assert each.min() > 55 - 5 * 6.3
    assert each.max() < 55 + 5 * 6.3
    odd_one = torch.stack([labels[stratified_subset(labels, 11, seed)].bincount() for seed in range(200)])
    assert 60 < int((odd_one[:, 0] == 6).sum()) < 140  # a tie between classes is broken by chance


@pytest.mark.parametrize("size", [-1, 0, 2, 17])
def test_impossible_sizes_are_refused(size: int) -> None:
    """Below the number of classes, or above that of images."""
    with pytest.raises(ValueError, match=f"between the 3 classes and 16 images; got {size}"):
        stratified_subset(labels_of([5, 2, 9]), size)


def test_merged_classes_are_renumbered() -> None:
    """Digits 0 to 4 against 5 to 9: the same images, the label 1 from 5 on; and not one number for each is refused."""
    digits = load("digits")
    halves = merge_classes(digits, (0,) * 5 + (1,) * 5)

    assert halves.num_classes == 2
    assert torch.equal(halves.train_labels, (digits.train_labels >= 5).long())
    assert torch.equal(halves.test_labels, (digits.test_labels >= 5).long())
    assert torch.equal(halves.train_images, digits.train_images)
    assert merge_classes(digits, ()) is digits
    with pytest.raises(ValueError, match="for each of 10"):
        merge_classes(digits, (0, 1))
    for wrong in ((0,) * 10, (0, 2) * 5, (0, 1.0) * 5):
        with pytest.raises(ValueError, match="0 to k - 1"):
            merge_classes(digits, wrong)  # type: ignore[arg-type]
