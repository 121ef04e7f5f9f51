"""Pairs of images as one example: concatenated inputs (Chen, Wang & Kyrillidis 2021, arXiv:2107.00797)."""

import torch
from torch import Tensor

from zoo.errors import RecipeError


def paired_indices(labels: Tensor, rounds: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """First and second member of pairs of one label, int64 [rounds n] each, of the n labels given; round after round.

    In each round every image comes first once and second once, and no pair comes twice. The images of a class stand in
    a random ring, and in each round the second is so many places after the first, a number drawn without replacement.
    An image meets itself in the last round that its class allows; as many rounds as the class has images give each
    ordered pair once. With the same generator state fewer rounds are the first of more.

    Raises:
        RecipeError: more rounds than the smallest class has images.
    """
    if len(labels) == 0:
        return labels, labels
    present, counts = labels.unique(return_counts=True)
    if rounds > int(counts.min()):
        raise RecipeError(
            f"pairs must be at most the number of images of the smallest class, {int(counts.min())} of label "
            f"{int(present[counts.argmin()])}; got {rounds}."
        )
    second = torch.empty(rounds, len(labels), dtype=torch.int64)
    for label, count in zip(present.tolist(), counts.tolist(), strict=True):
        ring = (labels == label).nonzero().flatten()[torch.randperm(count, generator=generator)]
        shifts = torch.cat([1 + torch.randperm(count - 1, generator=generator), torch.zeros(1, dtype=torch.int64)])
        for row, shift in zip(second, shifts[:rounds].tolist(), strict=True):
            row[ring] = ring.roll(-shift)
    return torch.arange(len(labels)).repeat(rounds), second.flatten()


def paired(images: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Images [n, c, h, w] two by two, channels upon channels: [m, 2c, h, w] for indices [m].

    So a pair keeps the sides of an image, and any network takes it. It is m times twice the bytes of an image: 0.3 GB
    for CIFAR-10 at one round, and as much again for each further one.
    """
    return torch.cat([images[first], images[second]], dim=1)
