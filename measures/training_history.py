"""Checkpoints of a training run, and retraining: what measures with the needs "trajectory" and "refit" see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The network at one step of its training.

    Attributes:
        step: optimizer steps taken until then; 0 is initialization.
        epoch: epochs ended until then.
        params: parameters by name.
        buffers: buffers by name, such as the statistics of batch norm.
    """

    step: int
    epoch: int
    params: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """Checkpoints and losses of one training run.

    Attributes:
        checkpoints: oldest first, from initialization to the end of training.
        losses: mean minibatch loss of each epoch, in nats.
        learning_rates: of each epoch, its mean over the steps.
        steps_per_epoch: optimizer steps an epoch.
        batch_size: examples a step.
    """

    checkpoints: Sequence[Checkpoint]
    losses: Sequence[float]
    learning_rates: Sequence[float]
    steps_per_epoch: int
    batch_size: int

    def tensors(self) -> dict[str, Tensor]:
        """All tensors that it contains, by name."""
        found = {"losses": torch.tensor(self.losses), "learning_rates": torch.tensor(self.learning_rates)}
        for kept in self.checkpoints:
            found |= {f"{name} at step {kept.step}": value for name, value in {**kept.buffers, **kept.params}.items()}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The data of a retraining by the recipe that trained the subject.

    Attributes:
        inputs: [n, c, h, w], normalised.
        labels: int64 [n].
        seed: of initialization and data order; None for those of the subject itself.
    """

    inputs: Tensor
    labels: Tensor
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refitted:
    """A retrained network.

    Attributes:
        params: parameters by name.
        buffers: buffers by name.
        losses: mean minibatch loss of each epoch, in nats; its length is the number of epochs trained.
        steps_per_epoch: optimizer steps an epoch.
        converged: whether it reached the loss at which the recipe stops.
    """

    params: Mapping[str, Tensor]
    buffers: Mapping[str, Tensor]
    losses: Sequence[float]
    steps_per_epoch: int
    converged: bool


class Refit(Protocol):
    """Trains networks by the recipe of the subject."""

    def __call__(self, trainings: Sequence[Training]) -> list[Refitted]:
        """Train one network for each element and return them in the same order."""
