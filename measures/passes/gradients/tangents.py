"""Inner products of the gradients at single examples: of the losses, and of every logit (the tangent kernel).

They are exact, on a sample of the training examples. A sketch of all gradients has an error of the order of
||g_i|| ||g_j|| / sqrt(width) in each product, which is as large as the products themselves where gradients are close to
orthogonal, as those of most pairs are; the statistics that are made of the products are means over pairs, which
converge with the number of pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.gradients.gram import gram

NUM_ROWS: Final = 480  # one for each example and class; time grows with its square times the number of parameters
MIN_EXAMPLES: Final = 8  # fewer say nothing of the training set
NUM_GRADIENTS: Final = 250  # of losses: 31,125 pairs


@dataclass(frozen=True, slots=True)
class TangentKernel:
    """The empirical neural tangent kernel of a sample of s training examples.

    Attributes:
        inputs: [s, c, h, w].
        labels: [s].
        logits: [s, k].
        gram: <grad_w f_a(x_i), grad_w f_b(x_j)> as [s, k, s, k], in float64.
    """

    inputs: Tensor
    labels: Tensor
    logits: Tensor
    gram: Tensor

    @property
    def traced(self) -> Tensor:
        """The kernel [s, s] of examples: the sum over logits a of <grad f_a(x_i), grad f_a(x_j)>."""
        return self.gram.diagonal(dim1=1, dim2=3).sum(-1)

    @property
    def blocks(self) -> Tensor:
        """The kernel [s, k, k] of the logits of each example."""
        return self.gram.diagonal(dim1=0, dim2=2).permute(2, 0, 1)


@shared
def tangent_kernel(subject: Subject) -> TangentKernel:
    """The kernel at the trained weights.

    Raises:
        UnsupportedModelError: it has so many classes that NUM_ROWS leave fewer than MIN_EXAMPLES examples.
    """
    return _kernel(subject, {})


@shared
def initial_tangent_kernel(subject: Subject) -> TangentKernel:
    """The kernel of the same examples at initialization; needs "init"."""
    return _kernel(subject, {**subject.init_buffers, **subject.init_params})


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
    with torch.no_grad():
        at_logits = subject.logits_of(inputs).softmax(1)
    at_logits[torch.arange(len(labels), device=labels.device), labels] = _at_label(subject, inputs, labels)
    return GradientPairs(labels, gram(subject, inputs, at_logits))


def softmax_factors(logits: Tensor) -> Tensor:
    """L_i^T [s, k, k] in float64 with L_i = diag(sqrt p_i) - p_i sqrt(p_i)^T, so L_i L_i^T = diag(p_i) - p_i p_i^T."""
    log_p = logits.double().log_softmax(1)
    p, root = log_p.exp(), (log_p / 2).exp()
    return root.diag_embed() - root.unsqueeze(2) * p.unsqueeze(1)


def _at_label(subject: Subject, inputs: Tensor, labels: Tensor) -> Tensor:
    """The derivative p - 1 of the loss by the logit of the label, without the rounding of a p near 1."""
    with torch.no_grad():
        log_p = subject.logits_of(inputs).log_softmax(1)
    others = log_p.scatter(1, labels.unsqueeze(1), -torch.inf)
    return -others.exp().sum(1)


def _kernel(subject: Subject, state: Mapping[str, Tensor]) -> TangentKernel:
    k = subject.num_classes
    count = NUM_ROWS // k
    if count < MIN_EXAMPLES:
        raise UnsupportedModelError(
            f"It has {k} classes, and the tangent kernel of {MIN_EXAMPLES} examples must have at most {NUM_ROWS} rows, "
            f"one for each example and class."
        )
    inputs, labels = _sampled(subject, count)
    with torch.no_grad():
        logits = subject.forward({**subject.buffers, **subject.params, **state}, inputs)
    s = len(labels)
    each_class = torch.eye(k, dtype=subject.dtype, device=inputs.device).repeat(s, 1)
    K = gram(subject, inputs.repeat_interleave(k, 0), each_class, state)
    return TangentKernel(inputs, labels, logits, K.view(s, k, s, k))


def _sampled(subject: Subject, count: int) -> tuple[Tensor, Tensor]:
    """Inputs and labels of at most this many training examples, in an order that follows their content."""
    chosen = subject.sample(count)
    return subject.inputs[chosen], subject.labels[chosen]
