"""Per-example gradients at checkpoints of training."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.gradients.per_sample import gradient_norms, gradient_statistics
from measures.training_history import Checkpoint

NUM_EXAMPLES: Final = 512  # bounds the cost: one sweep of per-sample gradient norms for each checkpoint
MAX_CHECKPOINTS: Final = 6  # of a longer trajectory the first after an epoch, and others evenly spaced


@dataclass(frozen=True, slots=True)
class CheckpointGradients:
    """Gradients g_i of the loss at s training examples at one checkpoint, reduced.

    Attributes:
        epoch: epochs ended until then.
        squared_norms: ||g_i||^2 [s], float64.
    """

    epoch: int
    squared_norms: Tensor


@shared
def checkpoint_gradients(subject: Subject) -> list[CheckpointGradients]:
    """Gradients at NUM_EXAMPLES training examples at up to MAX_CHECKPOINTS checkpoints, in their order; eval mode."""
    chosen = subject.sample(NUM_EXAMPLES)
    found = []
    for checkpoint in _select_checkpoints(subject.trajectory.checkpoints):
        if len(chosen) == subject.num_examples and _is_trained_network(subject, checkpoint):
            norms = gradient_statistics(subject).squared_norms[chosen]  # which other measures need too
        else:
            norms = gradient_norms(subject_at_checkpoint(subject, checkpoint, chosen))
        found.append(CheckpointGradients(checkpoint.epoch, norms.double()))
    return found


def subject_at_checkpoint(subject: Subject, checkpoint: Checkpoint, chosen: Tensor) -> Subject:
    """The network at a checkpoint, on these training examples [s]."""
    model = copy.deepcopy(subject.model)
    model.load_state_dict({**checkpoint.params, **checkpoint.buffers}, strict=False)  # a tied weight has one name here
    return Subject(model, subject.inputs[chosen], subject.labels[chosen], seed=subject.seed)


def _is_trained_network(subject: Subject, checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint holds the parameters and buffers of the subject."""
    kept = {**checkpoint.params, **checkpoint.buffers}
    return all(
        name in kept and torch.equal(kept[name].to(value.device, value.dtype), value)
        for name, value in {**subject.params, **subject.buffers}.items()
    )


def _select_checkpoints(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    if not checkpoints:
        raise UnsupportedModelError("Its trajectory has no checkpoints to take gradients at.")
    count = len(checkpoints)
    if count <= MAX_CHECKPOINTS:
        return list(checkpoints)
    first = next((i for i, checkpoint in enumerate(checkpoints) if checkpoint.epoch == 1), 0)
    spaced = {round(i * (count - 1) / (MAX_CHECKPOINTS - 2)) for i in range(MAX_CHECKPOINTS - 1)}
    return [checkpoints[i] for i in sorted({first} | spaced)]
