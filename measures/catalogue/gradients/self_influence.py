"""Stability: what the loss at a training example would be without it."""

from typing import Final

import torch

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.gradients.tangents import softmax_factors, tangent_kernel

DAMPING: Final = 0.1  # as a share of the mean eigenvalue of the Gauss-Newton matrix


@measure(
    source="Koh & Liang 2017, arXiv:1703.04730, eq. 2; Martens 2020, arXiv:1412.1193", family="stability",
    cost="shared tangent kernel",
)  # fmt: skip
def self_influence(subject: Subject) -> float:
    r"""Mean influence of a training example on its own loss.

    .. math:: \frac{1}{s} \sum_i g_i^T (G + \lambda I)^{-1} g_i, \quad
        G = \frac{1}{s} \sum_i J_i^T (\mathrm{diag}\, p_i - p_i p_i^T) J_i, \quad \lambda = 0.1\, \mathrm{tr}\, G / P

    with g_i the gradient of the cross-entropy and J_i the Jacobian [k, P] of the logits at example i, with respect to
    all P parameters, and p_i its softmax. Departs from the paper, which has the Hessian and a constant
    damping: G is the Gauss-Newton matrix, which is positive semidefinite, and the damping follows its scale. Both are
    of a sample of s = min(n, 480 / k) examples. Unit: nats.

    Computed without a matrix [P, P]. For U_i = J_i^T (diag sqrt p_i - p_i sqrt p_i^T), G = A A^T with
    A = [U_1 ... U_s] / sqrt s, and g_i is minus the column of U_i at the label y_i over sqrt p_{i, y_i}. With K = A^T A
    the i-th term is therefore s / p_{i, y_i} times the diagonal entry of (K + lambda I)^{-1} K at (i, y_i).
    """
    kernel = tangent_kernel(subject)
    s, k = kernel.logits.shape
    factors = softmax_factors(kernel.logits)
    half = factors @ kernel.gram.reshape(s, k, s * k)  # U_i^T J_j^T
    K = (half.view(s * k, s, k).transpose(0, 1) @ factors.transpose(1, 2)).transpose(0, 1).reshape(s * k, s * k) / s
    if not K.any():
        raise UnsupportedModelError("Its Gauss-Newton matrix is exactly zero.")
    num_params = sum(p.numel() for p in subject.params.values())
    damping = DAMPING * K.trace() / num_params
    at_label = torch.arange(s, device=K.device) * k + kernel.labels
    factor = torch.linalg.cholesky(K + damping * torch.eye(s * k, dtype=K.dtype, device=K.device))
    leverage = torch.cholesky_solve(K[:, at_label], factor)[at_label].diagonal()
    log_p_label = kernel.logits.double().log_softmax(1).gather(1, kernel.labels.unsqueeze(1)).squeeze(1)
    return float((leverage * (-log_p_label).exp()).sum())
