"""Replace labels at random: once (Zhang et al. 2017, arXiv:1611.03530, sec. 2.1), or at each step of training."""

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.errors import RecipeError


def corrupt_labels(labels: Tensor, num_classes: int, p: float, generator: torch.Generator) -> Tensor:
    """Each label [n] is replaced, with probability p and independently, by a class drawn uniformly from all k.

    The new class may be the old one, as in the paper, so that a fraction p (1 - 1/k) of the labels changes on average.
    With the same generator state the labels replaced at one p are among those replaced at any larger p, by the same
    class, which the paper leaves open: what differs between two levels is the level and not the draw.

    Raises:
        RecipeError: p is no probability.
    """
    if not 0 <= p <= 1:
        raise RecipeError(f"p must lie between 0 and 1; got {p}.")
    chance = torch.rand(labels.shape, generator=generator, dtype=torch.float64)  # [n], in [0, 1)
    classes = torch.randint(num_classes, labels.shape, generator=generator)
    return torch.where(chance < p, classes, labels)


def random_labels(labels: Tensor, num_classes: int, generator: torch.Generator) -> Tensor:
    """Every label [n] is replaced by a class drawn uniformly from all k: `corrupt_labels` at p = 1."""
    return corrupt_labels(labels, num_classes, 1.0, generator)


def resampled(labels: Tensor, rate: Tensor, num_classes: int, generators: Sequence[torch.Generator]) -> Tensor:
    """Labels [f, b] of a step of f networks, each label with its network's probability replaced by another class.

    The class is uniform over the k - 1 others, as in the released code of Damian, Ma & Lee (2021, arXiv:2106.06530),
    and unlike `corrupt_labels`: a rate q changes a fraction q of the labels. Each network draws from a separate
    generator, the same numbers whatever its rate and its labels; labels replaced at one rate are among those replaced
    at a larger one, by the same class.

    Args:
        labels: int64 [f, b].
        rate: [f], probabilities.
        num_classes: k, at least 2.
        generators: f of them, on the CPU for the same labels on every device.
    """
    chance, further = [], []
    for draw in generators:
        chance.append(torch.rand(labels.shape[1], generator=draw, dtype=torch.float64, device=draw.device))  # in [0, 1)
        further.append(torch.randint(1, num_classes, labels.shape[1:], generator=draw, device=draw.device))
    changes = torch.stack(chance).to(labels.device) < rate.to(labels.device, torch.float64)[:, None]
    others = (labels + torch.stack(further).to(labels.device)) % num_classes
    return torch.where(changes, others, labels)
