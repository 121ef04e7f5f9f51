"""Margins: how far training examples lie from the decision boundary, at the output and at the input."""

import math
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, measure
from measures.norms import log_prod_of_spec, refuse_unbounded
from measures.passes.outputs import logits, margins

PERCENTILE: Final = 10  # of the training examples may lie closer: the minimum would hang on one outlier (Jiang et al.)
MARGIN_FLOOR: Final = 1e-3  # a margin below it counts as this one: networks that do not fit are all equally bad
GRADIENT_FLOOR: Final = 1e-6  # added to squared gradient norms, so that flat regions divide by no zero (Elsayed et al.)


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 22", family="margin")
def inverse_margin(subject: Subject) -> float:
    r"""Inverse square of the 10th percentile of the output margins.

    .. math:: 1 / \max(\gamma, 10^{-3})^2

    The margin is the logit of the label minus the largest other; the percentile interpolates linearly. Where it is not
    positive (more than a tenth of the examples misclassified) the code of Dziugaite et al. 2020 takes the
    absolute value, by which a bad fit looks like a good one; here all such networks share the largest value, 10^6.
    Unit: 1 / logit squared. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    return 1 / max(percentile(margins(subject)), MARGIN_FLOOR) ** 2


@measure(source="Bartlett et al. 2017, arXiv:1706.08498, sec. 1 (the margin)", family="margin", expected_sign=-1)
def mean_margin(subject: Subject) -> float:
    r"""Mean output margin over the training examples.

    .. math:: \frac{1}{m} \sum_i \left( f(x_i)_{y_i} - \max_{k \ne y_i} f(x_i)_k \right)

    Unit: logits. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    return float(margins(subject).double().mean())


@measure(source="Bartlett et al. 2017, arXiv:1706.08498, sec. 1", family="margin", expected_sign=-1)
def norm_margin_spec(subject: Subject) -> float:
    r"""The 10th percentile of the output margins over the product of spectral norms.

    .. math:: \gamma / \prod_j \lVert W_j \rVert_2

    Departs from the paper, which looks at the whole distribution and normalises also by the (2,1)-norms of the
    distances from a reference and by the data: this is its Lipschitz factor alone. Negative where more than a tenth of
    the examples is misclassified. Norms as in `prod_of_spec`. Invariant when ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    return percentile(margins(subject)) * math.exp(-log_prod_of_spec(subject) / 2)


@measure(source="Elsayed et al. 2018, arXiv:1803.05598 (first-order margin)", family="margin", expected_sign=-1)
def input_margin(subject: Subject) -> float:
    r"""The 10th percentile of the first-order distances of training inputs from the decision boundary.

    .. math:: \frac{f_y(x) - f_c(x)}{\sqrt{\lVert \nabla_x (f_y(x) - f_c(x)) \rVert_2^2 + 10^{-6}}}

    The other class c is the best besides the label: the runner-up, or the answer where it is wrong, so that the
    distance is negative there. All training examples; the percentile interpolates linearly. Unit: that of a normalised
    input, Euclidean over the whole image. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    rival = logits(subject).scatter(1, subject.labels.unsqueeze(1), -torch.inf).argmax(1)
    distances, start = [], 0
    for x, y in subject.batches():
        distances.append(_boundary_distance(subject, x, y, rival[start : start + len(y)]))
        start += len(y)
    return percentile(torch.cat(distances))


def percentile(values: Tensor) -> float:
    """The 10th percentile of values [n], interpolated linearly between neighbours."""
    return float(torch.quantile(values.double(), PERCENTILE / 100))


def _boundary_distance(subject: Subject, inputs: Tensor, labels: Tensor, rivals: Tensor) -> Tensor:
    """First-order distances [b]; margins depend on their own inputs alone, so the gradient of their sum holds all."""
    with torch.enable_grad():
        x = inputs.clone().requires_grad_()
        answers = subject.logits_of(x)
        margin = (answers.gather(1, labels.unsqueeze(1)) - answers.gather(1, rivals.unsqueeze(1))).squeeze(1)
        (gradient,) = torch.autograd.grad(margin.sum(), x)
    return margin.detach() / (gradient.flatten(1).square().sum(1) + GRADIENT_FLOOR).sqrt()
