r"""Influence of examples under the Fisher matrix: self-influence, Takeuchi criterion, information geometric sharpness.

.. math:: G = \frac{1}{s} \sum_i J_i^T (\mathrm{diag}\, p_i - p_i p_i^T) J_i, \quad
    C = \frac{1}{s} \sum_i g_i g_i^T, \quad \lambda = 0.1\, \mathrm{tr}\, G / s

with g_i the gradient of the cross-entropy and J_i the Jacobian [k, P] of the logits at example i, with respect to all P
parameters, and p_i its softmax. G is the Gauss-Newton part of the Hessian, and equal to the Fisher matrix.
The damping lambda is a tenth of the mean share of an example in the trace of G: a constant, or a share of tr G / P,
would vanish beside the spectrum of networks with more parameters than s (k - 1), where the influence of an example then
depends on p alone.
"""

from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure, shared
from measures.passes.activations.outputs import logits
from measures.passes.curvature.gauss_newton import (
    directions,
    directions_of,
    resolved_rows,
)
from measures.passes.gradients.gram import gram, symmetric_products
from measures.passes.gradients.logit_jacobian import logit_jacobian, pull_back
from measures.passes.gradients.tangents import loss_cotangents

DAMPING: Final = 0.1  # of the mean share of an example in the trace of G
NUM_LOGITS: Final = 4096  # examples times classes: all of a small training set
MAX_ROWS: Final = 1536  # time grows with their square times P
MIN_EXAMPLES: Final = 8  # fewer say nothing of the training set
COST: Final = "shared inner products of the gradients of up to 1536 directions of the logits"


@measure(
    source="Koh & Liang 2017, arXiv:1703.04730, eq. 2; Martens 2020, arXiv:1412.1193", family="stability", cost=COST,
    version=3,
)  # fmt: skip
def self_influence(subject: Subject) -> float:
    r"""Mean influence of a training example on its own loss.

    .. math:: \frac{1}{s} \sum_i g_i^T (G + \lambda I)^{-1} g_i = \mathrm{tr}\, (G + \lambda I)^{-1} C

    With the symbols and the damping of the module, and all s = n examples where n k is at most 4096. Departs from the
    paper, which has the Hessian and a constant damping. Resolved are the directions of the logits in which the loss
    curves most, at least 480, until they hold 90 % of the curvature; the rest of G is spread evenly and added to the
    damping. On networks trained on digits the score is 1 to 7 % above that of all directions. Unit: nats.
    """
    return float(preconditioned_gradients(subject).trace())


@measure(
    source="Takeuchi 1976; Thomas et al. 2020, arXiv:1906.07774, eq. 4", family="stability", cost=COST,
    version=2,
)  # fmt: skip
def tic(subject: Subject) -> float:
    r"""Takeuchi's estimate of the gap in loss.

    .. math:: \frac{1}{s} \mathrm{tr}\, (G + \lambda I)^{-1} C

    `self_influence` over the number of examples, so that training sets of different size compare. Departs from the
    papers in G, where Takeuchi has the Hessian, and in the damping. Unit: nats.
    """
    influence = preconditioned_gradients(subject)
    return float(influence.trace()) / len(influence)


@measure(
    source="Jang et al. 2022, A reparametrization-invariant sharpness measure based on information geometry (NeurIPS)",
    family="sharpness", cost=COST, version=2,
)  # fmt: skip
def info_geometric_sharpness(subject: Subject) -> float:
    r"""Largest sharpness along a direction in which the predicted distribution changes at unit rate.

    .. math:: \lambda_{\max} \big( (G + \lambda I)^{-1/2} C (G + \lambda I)^{-1/2} \big) =
        \max_v \frac{v^T C v}{v^T (G + \lambda I) v}

    Length is measured by the Fisher matrix G, and so in the change of the predictions, not of the parameters. Departs
    from the paper in the damping, without which it is invariant to every smooth change of parameters. Unit: nats.
    """
    values: Tensor = torch.linalg.eigvalsh(preconditioned_gradients(subject))
    return float(values[-1])


@shared
def preconditioned_gradients(subject: Subject) -> Tensor:
    r"""The matrix [s, s] of g_i^T (G + \lambda I)^{-1} g_j / s, in float64.

    Computed without a matrix [P, P]: with the rows A of G = A^T A and the gradients g as rows,
    g (G + \lambda I)^{-1} g^T = (g g^T - (A g^T)^T (A A^T + \lambda I)^{-1} A g^T) / \lambda.

    Raises:
        UnsupportedModelError: it has so many classes that few examples fit, or every softmax is one-hot.
    """
    count = NUM_LOGITS // subject.num_classes
    if count < MIN_EXAMPLES:
        raise UnsupportedModelError(
            f"It has {subject.num_classes} classes, and the Fisher matrix of {MIN_EXAMPLES} examples must have at most "
            f"{NUM_LOGITS} rows, one for each example and class."
        )
    chosen = subject.sample(count)
    found = directions(subject) if len(chosen) == subject.num_examples else directions_of(logits(subject)[chosen])
    r = found.resolved
    while r > MAX_ROWS and len(chosen) > MIN_EXAMPLES:
        chosen = chosen[: len(chosen) // 2]
        found = directions_of(logits(subject)[chosen])
        r = found.resolved
    s, left = len(chosen), float(1 - found.sizes[:r].sum() / found.sizes.sum())
    K, Ag, gg = _products(subject, chosen, found.example[:r], found.cotangents[:r].to(subject.dtype))
    if not K.any():
        raise UnsupportedModelError("Its Gauss-Newton matrix is exactly zero.")
    trace = K.trace() / (1 - left)  # of all of G, as far as it goes with the curvature by the logits
    others = max(1, s * (subject.num_classes - 1) - r)
    damping = DAMPING * trace / s + left * trace / others
    factor = torch.linalg.cholesky(K + damping * torch.eye(r, dtype=K.dtype, device=K.device))
    return (gg - Ag.T @ torch.cholesky_solve(Ag, factor)) / (damping * s)


def _products(subject: Subject, chosen: Tensor, example: Tensor, cotangents: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Inner products of rows [r, r], of rows and gradients [r, s], and of gradients [s, s], in float64."""
    inputs, r = subject.inputs[chosen], len(example)
    towards_loss = loss_cotangents(subject, inputs, subject.labels[chosen])
    J = logit_jacobian(subject)
    if J is None or len(J) < len(chosen):
        products = gram(subject, torch.cat([inputs[example], inputs]), torch.cat([cotangents, towards_loss]))
        return products[:r, :r], products[:r, r:], products[r:, r:]
    g = pull_back(J, torch.arange(len(chosen), device=J.device), towards_loss)
    resolved = resolved_rows(subject) if len(chosen) == subject.num_examples else None
    A = pull_back(J, example, cotangents) if resolved is None else resolved.rows
    K = symmetric_products(A) if resolved is None else resolved.gram
    return K.double(), (A @ g.T).double(), symmetric_products(g).double()
