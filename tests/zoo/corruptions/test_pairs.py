"""Pairs of images as one example."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.corruptions.pairs import paired, paired_indices
from zoo.seeds import generator

labelled = st.lists(st.integers(0, 3), min_size=1, max_size=40).map(torch.tensor)


def rounds_of(labels: torch.Tensor) -> int:
    """As many rounds as the smallest class allows."""
    return min(Counter(labels.tolist()).values())


@given(labelled, st.data(), st.integers())
def test_each_round_has_each_image_once_first_and_once_second(
    labels: torch.Tensor, data: st.DataObject, seed: int
) -> None:
    """The two have one label, and no pair comes twice."""
    rounds = data.draw(st.integers(1, rounds_of(labels)))
    first, second = paired_indices(labels, rounds, generator(seed))
    assert torch.equal(labels[first], labels[second])
    for own in (first, second):
        assert all(sorted(each.tolist()) == list(range(len(labels))) for each in own.view(rounds, -1))
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == rounds * len(labels)


@given(labelled, st.data(), st.integers())
def test_fewer_rounds_are_the_first_of_more(labels: torch.Tensor, data: st.DataObject, seed: int) -> None:
    """What differs is the number."""
    rounds = data.draw(st.integers(1, rounds_of(labels)))
    some = torch.stack(paired_indices(labels, rounds, generator(seed)))
    every = torch.stack(paired_indices(labels, rounds_of(labels), generator(seed)))
    assert torch.equal(some, every[:, : rounds * len(labels)])


def test_as_many_rounds_as_images_are_every_ordered_pair() -> None:
    """With itself, too, and then in the last round."""
    labels = torch.tensor([0] * 5 + [1] * 5)
    first, second = paired_indices(labels, 5, generator(0))
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert pairs == {(i, j) for i in range(10) for j in range(10) if labels[i] == labels[j]}
    assert torch.equal(first[-10:], second[-10:])
    assert not bool((first[:-10] == second[:-10]).any())


def test_partners_are_uniform() -> None:
    """Over seeds each other image of the class is the partner of the first as often: chi-squared, 4 degrees."""
    labels = torch.zeros(6, dtype=torch.int64)
    partners = Counter(int(paired_indices(labels, 1, generator("partners", seed))[1][0]) for seed in range(2000))
    assert set(partners) == {1, 2, 3, 4, 5}
    assert sum((count - 400) ** 2 / 400 for count in partners.values()) < 34


def test_a_pair_is_one_image_upon_the_other() -> None:
    """Channel by channel."""
    images = torch.arange(2 * 3 * 2 * 2).view(2, 3, 2, 2)
    pair = paired(images, torch.tensor([1, 0]), torch.tensor([0, 0]))
    assert torch.equal(pair[:, :3], images.flip(0))
    assert torch.equal(pair[:, 3:], images[[0, 0]])


def test_more_rounds_than_images_are_refused() -> None:
    """Of the smallest class."""
    with pytest.raises(ValueError, match=r"pairs must be at most .* smallest class, 2 of label 1; got 3"):
        paired_indices(torch.tensor([0, 0, 0, 1, 1]), 3, generator(0))


def test_of_no_images_there_are_no_pairs() -> None:
    """Where nothing is held out."""
    nothing = torch.empty(0, dtype=torch.int64)
    assert all(len(own) == 0 for own in paired_indices(nothing, 1, generator(0)))
