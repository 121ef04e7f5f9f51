"""Label noise that depends on the class."""

import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.corruptions.confusion import ClassNoise, confused, require_class_noise, sparse_class_noise
from zoo.corruptions.spec import DataSpec
from zoo.seeds import generator

LABELS = torch.arange(10).repeat(1000)
DOGS: ClassNoise = ((5, 3, 0.3),)
SPREAD: ClassNoise = ((0, 1, 0.1), (0, 9, 0.3), (4, 0, 1.0), (7, 2, 0.5))

probabilities = st.floats(0.01, 1)


def table(labels: torch.Tensor) -> torch.Tensor:
    """How many labels of each class i became j: [k, k]."""
    return torch.bincount(10 * LABELS + labels, minlength=100).view(10, 10)


@pytest.mark.parametrize("noise", [DOGS, SPREAD])
def test_the_table_of_old_and_new_labels_is_the_confusion_matrix(noise: ClassNoise) -> None:
    """Each entry within five standard deviations of the binomial; entries of 0 and of 1 exactly."""
    matrix = torch.eye(10, dtype=torch.float64)
    for old, new, probability in noise:
        matrix[old, new] = probability
        matrix[old, old] -= probability
    drawn = table(confused(LABELS, noise, 10, generator("table"))) / 1000
    assert bool(((drawn - matrix).abs() <= 5 * (matrix * (1 - matrix) / 1000).clamp(min=0).sqrt() + 1e-12).all())


@given(low=probabilities, high=probabilities, seed=st.integers())
def test_levels_are_nested(low: float, high: float, seed: int) -> None:
    """With all probabilities of a row larger by one factor, what was changed is changed alike."""
    low, high = sorted((low, high))
    some, more = (
        confused(LABELS, ((5, 3, 0.4 * level), (5, 8, 0.2 * level)), 10, generator(seed)) for level in (low, high)
    )
    changed = some != LABELS
    assert torch.equal(some[changed], more[changed])
    assert set(LABELS[changed].tolist()) <= {5}


@given(seed=st.integers(), other=st.floats(0.01, 0.5))
def test_noise_of_one_class_leaves_the_draws_of_another(seed: int, other: float) -> None:
    """Dogs are mislabelled alike, whatever happens to class 7."""
    alone = confused(LABELS, DOGS, 10, generator(seed))
    beside = confused(LABELS, (*DOGS, (7, 0, other)), 10, generator(seed))
    assert torch.equal(alone[LABELS == 5], beside[LABELS == 5])


def test_probabilities_that_add_up_to_one_by_rounding_are_taken() -> None:
    """0.33 + 0.56 + 0.11 is above 1 in floating point; every label changes, and only to the classes named."""
    noise: ClassNoise = ((0, 1, 0.33), (0, 2, 0.56), (0, 3, 0.11))
    DataSpec(class_noise=noise)
    assert set(confused(LABELS[LABELS == 0], noise, 10, generator(0)).tolist()) == {1, 2, 3}


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (((5, 3),), "must hold triples"),
        (((5, 5, 0.3),), "from one class to another"),
        (((-1, 3, 0.3),), "by their numbers, from 0; got -1"),
        (((True, 3, 0.3),), "by their numbers, from 0; got True"),
        (((5.0, 3, 0.3),), "by their numbers, from 0; got 5.0"),
        (((5, 3, 0.0),), "probabilities above 0 and at most 1"),
        (((5, 3, 1.5),), "probabilities above 0 and at most 1"),
        (((5, 3, math.nan),), "probabilities above 0 and at most 1"),
        (((5, 3, 0.3), (2, 1, 0.3)), "ascending order"),
        (((5, 3, 0.3), (5, 3, 0.2)), "name a pair of classes once"),
        (((5, 3, 0.6), (5, 4, 0.6)), "add up to at most 1 for each class; got 1.2 for class 5"),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(noise: ClassNoise, message: str) -> None:
    """When the spec is made."""
    with pytest.raises(ValueError, match=message):
        DataSpec(class_noise=noise)


def test_noise_that_contradicts_other_fields_is_refused() -> None:
    """The message names both."""
    with pytest.raises(ValueError, match="class_noise must be empty with corruption='random_labels'"):
        DataSpec(class_noise=DOGS, corruption="random_labels")
    with pytest.raises(ValueError, match=r"among those that classes=\(3, 4\) keeps.*got 5"):
        DataSpec(class_noise=DOGS, classes=(3, 4))
    with pytest.raises(ValueError, match="must name classes 0 to 4 of this data set; got 5"):
        confused(LABELS % 5, DOGS, 5, generator(0))


@given(k=st.integers(2, 100), seed=st.integers(), highest=st.floats(0.01, 1), share=st.floats(0, 1))
def test_a_drawn_matrix_is_one(k: int, seed: int, highest: float, share: float) -> None:
    """Accepted, with as many rows as asked for, each with one other class."""
    num_confused = max(1, round(share * k))
    noise = sparse_class_noise(k, num_confused, highest, generator(seed))
    require_class_noise(noise, range(k), "true_labels")
    assert len({old for old, _, _ in noise}) == len(noise) == num_confused
    assert all(0.01 <= probability <= highest + 1e-9 for _, _, probability in noise)


def test_a_drawn_matrix_is_uniform() -> None:
    """Classes, targets and levels each occur as often as any other: chi-squared, 99.9999 % lie under the bounds."""
    drawn = [triple for seed in range(900) for triple in sparse_class_noise(10, 3, 0.05, generator("drawn", seed))]
    for values, kinds, bound in (
        ([old for old, _, _ in drawn], 10, 45),
        ([(new - old) % 10 for old, new, _ in drawn], 9, 43),
        ([probability for _, _, probability in drawn], 5, 34),
    ):
        counts = Counter(values).values()
        expected = len(drawn) / kinds
        assert len(counts) == kinds
        assert sum((count - expected) ** 2 / expected for count in counts) < bound


@pytest.mark.parametrize(
    ("num_confused", "highest", "message"),
    [(0, 0.5, "num_confused"), (11, 0.5, "num_confused"), (3, 0.0, "highest"), (3, 1.2, "highest")],
)
def test_a_matrix_that_cannot_be_drawn_is_refused(num_confused: int, highest: float, message: str) -> None:
    """Too many classes, or a level that is none."""
    with pytest.raises(ValueError, match=message):
        sparse_class_noise(10, num_confused, highest, generator(0))
