"""What is done to labels (Zhang et al. 2017, arXiv:1611.03530, sec. 2.1)."""

import torch
from torch import Tensor


def partially_corrupted(labels: Tensor, num_classes: int, p: float, generator: torch.Generator) -> Tensor:
    """Each label [n] is replaced, with probability p and independently, by a class drawn uniformly from all k.

    The new class may be the old one, as in the paper, so that a fraction p (1 - 1/k) of the labels changes on average.
    With the same generator state the labels replaced at one p are among those replaced at any larger p, by the same
    class, which the paper leaves open: what differs between two levels is the level and not the draw.

    Raises:
        ValueError: p is no probability.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p must lie between 0 and 1; got {p}.")
    chance = torch.rand(labels.shape, generator=generator, dtype=torch.float64)  # [n], in [0, 1)
    classes = torch.randint(num_classes, labels.shape, generator=generator)
    return torch.where(chance < p, classes, labels)


def random_labels(labels: Tensor, num_classes: int, generator: torch.Generator) -> Tensor:
    """Every label [n] is replaced by a class drawn uniformly from all k: `partially_corrupted` at p = 1."""
    return partially_corrupted(labels, num_classes, 1.0, generator)
