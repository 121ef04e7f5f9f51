"""Label noise that depends on the class: a sparse confusion matrix (Nakkiran & Bansal 2020, arXiv:2009.08092)."""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from zoo.errors import RecipeError

ClassNoise = tuple[tuple[int, int, float], ...]

TOLERANCE: Final = 1e-9  # of a sum of probabilities: 0.33 + 0.56 + 0.11 is above 1 in floating point
DIGITS: Final = 2  # after the point in a drawn probability: enough for a study, short in a recipe

OF_LABELS: Final = frozenset({"partial_labels", "random_labels"})  # conditions that replace labels, whatever the class


def require_class_noise(noise: ClassNoise, classes: Sequence[int], corruption: str) -> None:
    """Refuse class noise that is no confusion matrix, or that contradicts the classes kept or the condition.

    Raises:
        RecipeError: the message names the fields.
    """
    if not noise:
        return
    if corruption in OF_LABELS:
        raise RecipeError(
            f"class_noise must be empty with corruption={corruption!r}, which replaces labels of any class; "
            f"got {noise}. Give one of the two."
        )
    for triple in noise:
        _require_triple(triple, classes)
    places = [(old, new) for old, new, _ in noise]
    if places != sorted(set(places)):
        raise RecipeError(
            f"class_noise must be in ascending order and name a pair of classes once, so that one confusion matrix has "
            f"one recipe; got {noise}."
        )
    totals: dict[int, float] = defaultdict(float)
    for old, _, probability in noise:
        totals[old] += probability
    above = {old: total for old, total in totals.items() if total > 1 + TOLERANCE}
    if above:
        old, total = next(iter(above.items()))
        raise RecipeError(f"class_noise must add up to at most 1 for each class; got {total:g} for class {old}.")


def _require_triple(triple: tuple[int, int, float], classes: Sequence[int]) -> None:
    """One entry of the matrix, off its diagonal."""
    if len(triple) != 3:  # noqa: PLR2004  from, to, probability
        raise RecipeError(f"class_noise must hold triples (from, to, probability); got {triple!r}.")
    old, new, probability = triple
    for label in (old, new):
        if not isinstance(label, int) or isinstance(label, bool) or label < 0:
            raise RecipeError(f"class_noise must name classes by their numbers, from 0; got {label!r} in {triple!r}.")
        if classes and label not in classes:
            raise RecipeError(
                f"class_noise must name classes among those that classes={tuple(classes)} keeps, counted as in the "
                f"data set; got {label} in {triple!r}."
            )
    if old == new:
        raise RecipeError(f"class_noise must lead from one class to another; got {triple!r}.")
    if not (0 < probability <= 1):
        raise RecipeError(f"class_noise must have probabilities above 0 and at most 1; got {triple!r}.")


def confused(labels: Tensor, noise: ClassNoise, num_classes: int, generator: torch.Generator) -> Tensor:
    r"""Each label [n] passed through the confusion matrix, independently.

    .. math:: P(\tilde y = j \mid y = i) = q_{ij}, \qquad P(\tilde y = i \mid y = i) = 1 - \sum_{j \ne i} q_{ij}

    Two draws a label, the same whatever the noise: whether it changes, and to what. With the same generator state, if
    all q of a row grow by one factor, a label that had changed changes to the same class as before.

    Raises:
        RecipeError: a class in `noise` that is not among the k classes.
    """
    beyond = [label for old, new, _ in noise for label in (old, new) if label >= num_classes]
    if beyond:
        raise RecipeError(f"class_noise must name classes 0 to {num_classes - 1} of this data set; got {beyond[0]}.")
    matrix = torch.zeros(num_classes, num_classes, dtype=torch.float64)
    for old, new, probability in noise:
        matrix[old, new] = probability
    chance, which = torch.rand((2, len(labels)), generator=generator, dtype=torch.float64)  # in [0, 1)
    sums = matrix.cumsum(1)
    total = sums[:, -1]
    shares = sums / total.where(total > 0, 1.0)[:, None]  # [k, k], of the changed ones; the last is exactly 1
    target = torch.searchsorted(shares[labels], which[:, None], right=True)[:, 0]
    return torch.where(chance < total[labels], target, labels)


def sparse_class_noise(num_classes: int, num_confused: int, highest: float, generator: torch.Generator) -> ClassNoise:
    """Class noise for a study: some classes, each mislabelled as one other class.

    Args:
        num_classes: k.
        num_confused: how many classes are mislabelled, drawn without replacement.
        highest: the probabilities are drawn uniformly from 0.01, 0.02, ... to this.
        generator: draws classes, targets (uniform over the others) and probabilities.

    Raises:
        RecipeError: a number of classes or a probability out of range.
    """
    if not 1 <= num_confused <= num_classes:
        raise RecipeError(f"num_confused must lie between 1 and the {num_classes} classes; got {num_confused}.")
    steps = math.floor(highest * 10**DIGITS + TOLERANCE) if 0 <= highest <= 1 else 0
    if steps < 1:
        raise RecipeError(f"highest must lie between {10**-DIGITS} and 1; got {highest}.")
    chosen = torch.randperm(num_classes, generator=generator)[:num_confused].sort().values
    further = torch.randint(1, num_classes, (num_confused,), generator=generator)
    levels = torch.randint(1, steps + 1, (num_confused,), generator=generator)
    return tuple(
        (old, (old + step) % num_classes, level / 10**DIGITS)
        for old, step, level in zip(chosen.tolist(), further.tolist(), levels.tolist(), strict=True)
    )
