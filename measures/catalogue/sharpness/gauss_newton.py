r"""Measures of the spectrum of the Hessian's Gauss-Newton part: soft rank, determinant, outliers, entropy, evidence.

Logarithms and ranks of an indefinite matrix have no meaning, so all of these are of

.. math:: G = \frac{1}{n} \sum_i J_i^T (\mathrm{diag}\, p_i - p_i p_i^T) J_i

with the Jacobian J_i of the logits and the softmax p_i at training example i: positive semidefinite, the Hessian itself
where the network is linear in its weights or its residuals are zero, and equal to the Fisher matrix. Its eigenvalues
are taken in two ways. Soft rank, determinant and entropy are of a sample of 480 of the n k outer products that G is the
sum of, drawn by size; with no more than 480 they are exact. Their sum is then within 2 % of that of all, and small
eigenvalues are fewer than they should be. Where these decide, all outer products are taken but for the least of more
than 1,024, which hold 1 % of the sum of squares in the space of logits; above 4,096 the measure is refused.
"""

import math
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.outputs import losses
from measures.passes.curvature.gauss_newton import eigenvalues, spectrum

EPSILON: Final = 0.1  # in nats per squared unit of weight: the sample has the soft rank at it to 8 % on trained digits
LOG_PRECISIONS: Final = (-40.0, 40.0)  # natural logarithms between which the prior's precision is sought
HALVINGS: Final = 60  # of that interval, to the last bit of a logarithm

COST: Final = "480 gradients of single logits"
COST_OF_ALL: Final = "a gradient for most pairs of example and class, and 1 decomposition"


@measure(source="Shoham et al. 2025, arXiv:2506.17809", family="hessian", cost=COST)
def hess_softrank(subject: Subject) -> float:
    r"""Soft rank of the curvature.

    .. math:: \mathrm{tr}\, G (G + \epsilon I)^{-1} = \sum_j \frac{\lambda_j}{\lambda_j + \epsilon}, \quad
        \epsilon = 0.1

    Departs from the paper, where epsilon is the weight decay of training, which a measure does not see, and the Hessian
    stands, of which G is the part that is semidefinite. Unit: directions. Not invariant to the rescaling of layers.
    """
    values = eigenvalues(subject)
    return float((values / (values + EPSILON)).sum())


@measure(source="MacKay 1992, doi:10.1162/neco.1992.4.3.448 (Occam factor)", family="hessian", cost=COST)
def hess_logdet(subject: Subject) -> float:
    r"""Logarithm of the determinant of the curvature, regularised.

    .. math:: \log \det (G + \epsilon I) - P \log \epsilon = \sum_j \log (1 + \lambda_j / \epsilon), \quad
        \epsilon = 0.1

    with the natural logarithm and P parameters. Departs from the Hessian's own determinant in G and in P log epsilon,
    which would only count parameters. Unit: nats. Not invariant to the rescaling of layers.
    """
    return float((eigenvalues(subject) / EPSILON).log1p().sum())


@measure(source="Marchenko & Pastur 1967; Papyan 2018, arXiv:1811.07062", family="hessian", cost=COST_OF_ALL, version=2)
def hess_outliers(subject: Subject) -> float:
    r"""Number of eigenvalues of the curvature above those of random vectors.

    .. math:: \#\{j : \lambda_j > \lambda_+\}, \quad
        \lambda_+ = \frac{\mathrm{tr}\, G}{r P} (\sqrt r + \sqrt P)^2

    lambda_+ is the upper edge of Marchenko and Pastur for r = n k random vectors of independent entries in P dimensions
    with the same sum of squares. Departs from the paper, which counts by eye. Unit: directions. Invariant to the scale
    of the loss and to a common scale of the weights.
    """
    values = spectrum(subject)
    num_rows, num_params = subject.num_examples * subject.num_classes, sum(p.numel() for p in subject.params.values())
    edge = values.sum() / (num_rows * num_params) * (math.sqrt(num_rows) + math.sqrt(num_params)) ** 2
    return float((values > edge).sum())


@measure(source="Ghorbani et al. 2019, arXiv:1901.10159, on the density; Shannon 1948", family="hessian", cost=COST)
def hess_spectral_entropy(subject: Subject) -> float:
    r"""Entropy of the distribution of curvature over its eigenvectors.

    .. math:: -\sum_j q_j \log q_j, \quad q_j = \lambda_j / \mathrm{tr}\, G

    with the natural logarithm; its exponential is an effective number of directions. Departs from the paper, which
    plots the density by stochastic Lanczos quadrature, in the eigenvalues of the sample. Unit: nats. Invariant to the
    scale of the loss and to a common scale of the weights.
    """
    values = eigenvalues(subject)
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum())


@measure(source="MacKay 1992, doi:10.1162/neco.1992.4.3.448 (gamma); Maddox et al. 2020, arXiv:2003.02139",
         family="parameters", cost=COST_OF_ALL, version=2)  # fmt: skip
def lin_dof(subject: Subject) -> float:
    r"""Effective number of parameters: directions that the data determine and the prior does not.

    .. math:: \gamma = \sum_j \frac{n \lambda_j}{n \lambda_j + \alpha}, \quad \alpha = \gamma / \lVert w \rVert_2^2

    with n training examples, all parameters w and the precision alpha of the prior N(0, I / alpha) at which
    MacKay's condition for the most evidence holds, which is unique. Departs from Maddox et al., who set alpha by hand,
    and from both in G. Lower by 1 to 3 % for what is left out of more than 1,024 outer products. Unit: directions.
    Not invariant to the rescaling of layers.
    """
    return _well_determined(subject, _best_precision(subject))


@measure(source="Immer et al. 2021, arXiv:2104.04975; MacKay 1992, doi:10.1162/neco.1992.4.3.448",
         family="information", cost=COST_OF_ALL, version=2)  # fmt: skip
def laplace_evidence(subject: Subject) -> float:
    r"""Description length of the training labels by Laplace's approximation, per example.

    .. math:: \frac{1}{n} \Big( \sum_i l_i + \frac{\alpha}{2} \lVert w \rVert_2^2
        + \frac{1}{2} \log \det (n G / \alpha + I) \Big)

    the negative logarithm of the marginal likelihood under the prior N(0, I / alpha), with the cross-entropy l_i in
    nats, all parameters w and alpha of `lin_dof`, at which alpha's derivative vanishes. Departs from the
    paper in one precision for all layers and in the mean instead of the sum over examples, so that training sets of
    different size compare. Unit: nats per example. Not invariant to the rescaling of layers.
    """
    alpha = _best_precision(subject)
    volume = float((subject.num_examples * spectrum(subject) / alpha).log1p().sum()) / 2
    penalty = alpha / 2 * _squared_norm(subject)
    return float(losses(subject).double().mean()) + (penalty + volume) / subject.num_examples


def _squared_norm(subject: Subject) -> float:
    """||w||^2 over all parameters."""
    return sum(float(p.double().square().sum()) for p in subject.params.values())


def _well_determined(subject: Subject, alpha: float) -> float:
    """gamma(alpha)."""
    scaled: Tensor = subject.num_examples * spectrum(subject)
    return float((scaled / (scaled + alpha)).sum())


def _best_precision(subject: Subject) -> float:
    """The alpha with gamma(alpha) = alpha ||w||^2: one side falls with alpha, the other rises."""
    squared_norm = _squared_norm(subject)
    if squared_norm == 0:
        raise UnsupportedModelError("All of its weights are zero: no precision of a prior has the most evidence.")
    low, high = LOG_PRECISIONS
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        too_low = _well_determined(subject, math.exp(middle)) > math.exp(middle) * squared_norm
        low, high = (middle, high) if too_low else (low, middle)
    return math.exp(low)
