"""A cloud of weights around the trained ones: what stochastic gradient descent visits when it goes on."""

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError, shared

NUM_ITERATES: Final = 64  # bounds the cost: a gradient of a minibatch each
MAX_NUMBERS: Final = 2**24  # a larger cloud is kept as a sketch of so many numbers
MIN_SKETCH: Final = 2**14  # of a sketch the squared distances are known to sqrt(2 / width), a hundredth


@shared
def distances(subject: Subject) -> NDArray[np.float64]:
    r"""Euclidean distances [64, 64] between the weights at successive steps of gradient descent from the trained ones.

    .. math:: w_{t+1} = w_t - \eta \nabla L_{B_t}(w_t)

    without momentum, weight decay or adaptive steps, in eval mode; B_t is drawn without replacement, of the batch size
    of training, and eta is the mean of its learning rates. What is kept is w_t - w_0, so that no precision is lost
    where steps are small; where that is too much, a count sketch of it (Charikar et al. 2002), which keeps distances.

    Raises:
        UnsupportedModelError: descent diverges, or does not move.
    """
    trajectory = subject.trajectory
    if not trajectory.learning_rates or trajectory.batch_size < 1:
        raise UnsupportedModelError("Its trajectory has no learning rates to go on with.")
    rate = math.fsum(trajectory.learning_rates) / len(trajectory.learning_rates)
    order, generator = subject.sample(subject.num_examples), subject.generator("iterates")
    start = torch.cat([p.flatten() for p in subject.params.values()])
    width = max(MIN_SKETCH, MAX_NUMBERS // NUM_ITERATES)
    sketch = _CountSketch(len(start), width, subject) if len(start) > width else None
    moved = torch.zeros_like(start)

    rows = []
    for _ in range(NUM_ITERATES):
        batch = order[torch.randperm(len(order), generator=generator, device=order.device)[: trajectory.batch_size]]
        here = (start + moved).requires_grad_()
        loss = cross_entropy(subject.forward(_by_name(subject, here), subject.inputs[batch]), subject.labels[batch])
        (gradient,) = torch.autograd.grad(loss, [here], materialize_grads=True)
        moved = moved - rate * gradient
        rows.append(moved if sketch is None else sketch(moved))
    cloud = torch.stack(rows).double()
    if not bool(cloud.isfinite().all()):
        raise UnsupportedModelError(f"Plain gradient descent from its weights diverges at learning rate {rate:g}.")
    found: NDArray[np.float64] = torch.cdist(cloud, cloud, compute_mode="donot_use_mm_for_euclid_dist").cpu().numpy()
    if not found.any():
        raise UnsupportedModelError("Gradient descent from its weights does not move: the gradient is exactly zero.")
    return found


def _by_name(subject: Subject, flat: Tensor) -> dict[str, Tensor]:
    """Parameters that lie end to end in a flat tensor."""
    parts = flat.split([p.numel() for p in subject.params.values()])
    return {name: part.view_as(p) for (name, p), part in zip(subject.params.items(), parts, strict=True)}


class _CountSketch:
    """A random linear map to `width` numbers: each goes to one place with a random sign."""

    def __init__(self, count: int, width: int, subject: Subject) -> None:
        generator = subject.generator("count_sketch")
        self.width = width
        self.buckets = torch.randint(0, width, (count,), generator=generator, device=subject.device)
        self.signs = torch.randint(0, 2, (count,), generator=generator, device=subject.device) * 2 - 1

    def __call__(self, vector: Tensor) -> Tensor:
        """The sketch [width] of a vector [count]."""
        return vector.new_zeros(self.width).index_add(0, self.buckets, vector * self.signs)
