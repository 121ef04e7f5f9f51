"""A learning algorithm whose networks are known without training: the nearest neighbour."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from measures.api import Subject
from measures.training_history import Refit, Refitted, Training


class NearestNeighbour(nn.Module):
    """Gives the label of the nearest example that it holds, with a margin of SURE over every other."""

    def __init__(self, inputs: Tensor, labels: Tensor, num_classes: int) -> None:
        super().__init__()
        self.memory = nn.Parameter(inputs.flatten(1).clone())
        self.answers = nn.Parameter(one_hot(labels, num_classes).to(inputs.dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Logits [n, k] of x [n, ...]."""
        return SURE * self.answers[torch.cdist(x.flatten(1), self.memory).argmin(1)]


SURE = 3.0
CLASSES = 4


def surprise(*, right: bool) -> float:
    """Cross-entropy of an answer of a nearest neighbour in nats."""
    return math.log(math.exp(SURE) + CLASSES - 1) - (SURE if right else 0)


def refit_of(
    *, losses: Callable[[Training], Sequence[float]] = lambda _: [1.0], seen: list[Training] | None = None
) -> Refit:
    """Trains nearest neighbours; `losses` says what their curves are, `seen` collects what was asked for."""

    def refit(trainings: Sequence[Training]) -> list[Refitted]:
        if seen is not None:
            seen.extend(trainings)
        return [
            Refitted(
                params=dict(NearestNeighbour(t.inputs, t.labels, CLASSES).named_parameters()),
                buffers={},
                losses=losses(t),
                steps_per_epoch=10,
                converged=True,
            )
            for t in trainings
        ]

    return refit


def points(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random points [n, 1, 1, 5], of which no neighbour tells the label, and labels [n]."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(n, 1, 1, 5, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(0, CLASSES, (n,), generator=generator)


def nearest_neighbour(n: int = 60, refit: Refit | None = None, **parts: object) -> Subject:
    """A subject whose network answers with the nearest neighbour in its training set."""
    inputs, labels = points(n)
    model = NearestNeighbour(inputs, labels, CLASSES)
    return Subject(model, inputs, labels, refit=refit or refit_of(), **parts)  # type: ignore[arg-type]  # any part
