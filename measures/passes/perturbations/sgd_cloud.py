"""Iterates of stochastic gradient descent continued from the trained weights: their distances, and their losses."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap
from torch.nn.functional import cross_entropy, softplus

from measures.api import Subject, UnsupportedModelError, shared

NUM_ITERATES: Final = 32  # bounds the cost: a gradient of a minibatch each
NUM_CHAINS: Final = 8  # descents side by side, each with separate minibatches: one has as much noise as signal
MAX_NUMBERS: Final = 2**24  # larger clouds are kept as sketches of so many numbers in all
MIN_SKETCH: Final = 2**14  # of a sketch the squared distances are known to sqrt(2 / width), a hundredth
LOSS_CHAINS: Final = 2  # descents whose losses are kept, at every LOSS_STRIDE-th step: bounds the cost to a fiftieth
LOSS_STRIDE: Final = 4
LOSS_EXAMPLES: Final = 128  # the noise of the losses is that of the examples: half as many have half as much again


@dataclass(frozen=True, slots=True)
class Descents:
    """Descents from the trained weights.

    Attributes:
        distances: between the weights at the steps of each [8, 32, 32].
        losses: of two of them at every fourth step, the cross-entropy of min(m, 128) fixed training examples [2, 8, s].
    """

    distances: NDArray[np.float64]
    losses: NDArray[np.float64]


def distances(subject: Subject) -> NDArray[np.float64]:
    """Euclidean distances [8, 32, 32] between the weights at successive steps of 8 descents; see `descents`."""
    return descents(subject).distances


@shared
def descents(subject: Subject) -> Descents:
    r"""Descend 8 times from the trained weights.

    .. math:: w_{t+1} = w_t - \eta \nabla L_{B_t}(w_t)

    without momentum, weight decay or adaptive steps, in eval mode; B_t are the minibatches of a random order of the
    training set, then of another, of the batch size of training, and eta is the mean of its learning rates. What is
    kept is w_t - w_0, so that no precision is lost where steps are small; where that is too much, a count sketch of it
    (Charikar et al. 2002), which keeps distances.

    Raises:
        UnsupportedModelError: descent diverges, or does not move.
    """
    trajectory = subject.trajectory
    if not trajectory.learning_rates or trajectory.batch_size < 1:
        raise UnsupportedModelError("Its trajectory has no learning rates.")
    rate = math.fsum(trajectory.learning_rates) / len(trajectory.learning_rates)
    start = torch.cat([p.flatten() for p in subject.params.values()])
    width = max(MIN_SKETCH, MAX_NUMBERS // (NUM_ITERATES * NUM_CHAINS))
    sketch = _CountSketch(len(start), width, subject) if len(start) > width else None
    moved = start.new_zeros(NUM_CHAINS, len(start))
    examples = subject.sample(LOSS_EXAMPLES)

    rows, kept = [], []
    for step, batches in enumerate(_draw_minibatches(subject, trajectory.batch_size), 1):  # [chains, b]
        here = (start + moved).requires_grad_()
        logits = _logits_of_chains(subject, _by_name(subject, here), subject.inputs[batches])
        losses = cross_entropy(logits.flatten(0, 1), subject.labels[batches].flatten(), reduction="none")
        loss = losses.view(batches.shape).mean(1).sum()
        (gradient,) = torch.autograd.grad(loss, [here], materialize_grads=True)
        moved = moved - rate * gradient
        rows.append(moved if sketch is None else sketch(moved))
        if step % LOSS_STRIDE == 0:
            kept.append(_losses(subject, start + moved[:LOSS_CHAINS], examples))
    clouds = torch.stack(rows, 1).double()
    if not bool(clouds.isfinite().all()):
        raise UnsupportedModelError(f"Plain gradient descent from its weights diverges at learning rate {rate:g}.")
    products = clouds @ clouds.mT  # in float64, so that little is lost in differences of steps
    squares = products.diagonal(dim1=1, dim2=2)
    squared = squares.unsqueeze(1) + squares.unsqueeze(2) - products - products.mT
    squared.diagonal(dim1=1, dim2=2).zero_()
    found: NDArray[np.float64] = squared.clamp(min=0).sqrt().cpu().numpy()
    if not found.any((1, 2)).all():
        raise UnsupportedModelError("Gradient descent from its weights does not move: the gradient is exactly zero.")
    return Descents(found, torch.stack(kept, 1).cpu().numpy())


def _draw_minibatches(subject: Subject, size: int) -> Iterator[Tensor]:
    """Indices [NUM_CHAINS, b] of the minibatches of each step, each chain in separate random orders."""
    order, generator = subject.sample(subject.num_examples), subject.generator("iterates")
    size = min(size, len(order))
    per_epoch = len(order) // size
    for step in range(NUM_ITERATES):
        if step % per_epoch == 0:
            shuffled = torch.rand(NUM_CHAINS, len(order), generator=generator, device=order.device).argsort(1)
            batches = order[shuffled][:, : per_epoch * size].unflatten(1, (per_epoch, size))
        yield batches[:, step % per_epoch]


def _logits_of_chains(subject: Subject, params: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """Logits [chains, b, k] of inputs [chains, b, ...], each under its own parameters."""
    try:
        return vmap(subject.forward)(params, inputs)
    except (RuntimeError, ValueError, NotImplementedError):  # vmap has no batching rule for some operation
        each = ({name: p[chain] for name, p in params.items()} for chain in range(len(inputs)))
        return torch.stack([subject.forward(state, x) for state, x in zip(each, inputs, strict=True)])


def _losses(subject: Subject, weights: Tensor, examples: Tensor) -> Tensor:
    """Cross-entropies [chains, s] of examples under each row of `weights`, exact where they are small."""
    inputs, labels = subject.inputs[examples], subject.labels[examples]
    with torch.no_grad():
        logits = _logits_of_chains(subject, _by_name(subject, weights), inputs.expand(len(weights), *inputs.shape))
    at_label = labels.expand(len(weights), -1).unsqueeze(2)
    others = logits.double().scatter(2, at_label, -torch.inf).logsumexp(2)
    return softplus(others - logits.double().gather(2, at_label).squeeze(2), threshold=1000)


def _by_name(subject: Subject, flat: Tensor) -> dict[str, Tensor]:
    """Parameters [chains, *shape] that lie end to end in the rows of a matrix."""
    parts = flat.split([p.numel() for p in subject.params.values()], 1)
    return {name: part.view(-1, *p.shape) for (name, p), part in zip(subject.params.items(), parts, strict=True)}


class _CountSketch:
    """A random linear map to `width` numbers: each number is added to one bucket with a random sign."""

    def __init__(self, count: int, width: int, subject: Subject) -> None:
        generator = subject.generator("count_sketch")
        self.width = width
        self.buckets = torch.randint(0, width, (count,), generator=generator, device=subject.device)
        self.signs = torch.randint(0, 2, (count,), generator=generator, device=subject.device) * 2 - 1

    def __call__(self, vectors: Tensor) -> Tensor:
        """The sketches [r, width] of vectors [r, count]."""
        return vectors.new_zeros(len(vectors), self.width).index_add(1, self.buckets, vectors * self.signs)
