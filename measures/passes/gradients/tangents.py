"""Inner products of the gradients at single examples: of the losses, and of the logits (the tangent kernel).

They are exact. A sketch of all gradients has an error of the order of ||g_i|| ||g_j|| / sqrt(width) in each product,
which is as large as the products themselves where gradients are close to orthogonal, as those of most pairs are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, seed_for, shared
from measures.passes.gradients.gram import gram, mean_gram, symmetric_products
from measures.passes.gradients.logit_jacobian import logit_jacobian

NUM_ROWS: Final = 4096  # one for each example and class; time grows with it times the number of examples
MIN_EXAMPLES: Final = 8  # however many classes there are
INITIAL_DIRECTIONS: Final = 3  # of the logits, which are drawn alike at initialization: more say the same
NUM_GRADIENTS: Final = 400  # examples: all of a small training set; time grows with their square


@dataclass(frozen=True, slots=True)
class TangentKernel:
    """The empirical neural tangent kernel of a sample of s training examples, averaged over logits.

    Attributes:
        labels: [s].
        num_classes: k.
        mean: [s, s] in float64, the mean over the k logits a of <grad_w f_a(x_i), grad_w f_a(x_j)>.
    """

    labels: Tensor
    num_classes: int
    mean: Tensor


@shared
def tangent_kernel(subject: Subject) -> TangentKernel:
    """The kernel at the trained weights."""
    k, J = subject.num_classes, logit_jacobian(subject)
    count = min(NUM_GRADIENTS, max(MIN_EXAMPLES, NUM_ROWS // k), subject.num_examples)
    if J is None or len(J) < count:
        return _kernel(subject, torch.eye(k, dtype=torch.float64), {})
    labels = subject.labels[subject.sample(count)]
    return TangentKernel(labels, k, symmetric_products(J[:count].flatten(1)).double() / k)


@shared
def initial_tangent_kernel(subject: Subject) -> TangentKernel:
    """The kernel of the same examples at initialization; needs "init".

    The mean over logits is that over any orthonormal basis of them; a few vectors of a random basis estimate it.
    """
    k = subject.num_classes
    generator = torch.Generator().manual_seed(seed_for(subject.seed, "directions of the logits"))
    basis = torch.linalg.qr(torch.randn(k, k, generator=generator, dtype=torch.float64)).Q
    return _kernel(subject, basis[:INITIAL_DIRECTIONS], {**subject.init_buffers, **subject.init_params})


@dataclass(frozen=True, slots=True)
class GradientPairs:
    """The gradients g_i of the losses of a sample of s training examples, pair by pair.

    Attributes:
        labels: [s].
        gram: <g_i, g_j> [s, s], in float64.
    """

    labels: Tensor
    gram: Tensor


@shared
def gradient_pairs(subject: Subject) -> GradientPairs:
    """Exact inner products of the gradients of the cross-entropy at NUM_GRADIENTS examples."""
    inputs, labels = _sampled(subject, NUM_GRADIENTS)
    return GradientPairs(labels, gram(subject, inputs, loss_cotangents(subject, inputs, labels)))


def loss_cotangents(subject: Subject, inputs: Tensor, labels: Tensor) -> Tensor:
    """Derivatives [s, k] of the cross-entropies by the logits; exact at a label whose p is near 1."""
    with torch.no_grad():
        log_p = subject.logits_of(inputs).log_softmax(1)
    at_label = labels.unsqueeze(1)
    others = log_p.scatter(1, at_label, -torch.inf).exp()
    return others.scatter(1, at_label, -others.sum(1, keepdim=True))


def _kernel(subject: Subject, directions: Tensor, state: Mapping[str, Tensor]) -> TangentKernel:
    """The mean over directions [d, k] of the logits."""
    k = subject.num_classes
    inputs, labels = _sampled(subject, min(NUM_GRADIENTS, max(MIN_EXAMPLES, NUM_ROWS // k)))
    towards = directions.to(subject.device, subject.dtype)
    return TangentKernel(labels, k, mean_gram(subject, inputs, towards, state))


def _sampled(subject: Subject, count: int) -> tuple[Tensor, Tensor]:
    """Inputs and labels of at most this many training examples, in an order that follows their content."""
    chosen = subject.sample(count)
    return subject.inputs[chosen], subject.labels[chosen]
