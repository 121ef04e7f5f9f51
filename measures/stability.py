"""Stability: what the loss at a training example would be without it."""

from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModel, measure
from measures.passes.per_sample import chunk_size, gradients_of

NUM_ROWS: Final = 480  # one for each example and class; time grows with its square times the number of parameters
MIN_EXAMPLES: Final = 8  # fewer say nothing of the training set
DAMPING: Final = 0.1  # as a share of the mean eigenvalue of the Gauss-Newton matrix


@measure(source="Koh & Liang 2017, arXiv:1703.04730, eq. 2; Martens 2020, arXiv:1412.1193", family="stability")
def self_influence(subject: Subject) -> float:
    r"""Mean influence of a training example on its own loss.

    .. math:: \frac{1}{s} \sum_i g_i^T (G + \lambda I)^{-1} g_i, \quad
        G = \frac{1}{s} \sum_i J_i^T (\mathrm{diag}\, p_i - p_i p_i^T) J_i, \quad \lambda = 0.1\, \mathrm{tr}\, G / P

    with g_i the gradient of the cross-entropy and J_i the Jacobian [k, P] of the logits at example i, with respect to
    all P trainable parameters, and p_i its softmax. Departs from the paper, which has the Hessian and a constant
    damping: G is the Gauss-Newton matrix, which is positive semidefinite, and the damping follows its scale. Both are
    of a sample of s = min(n, 480 / k) examples. Unit: nats.

    Computed without a matrix [P, P]. For U_i = J_i^T (diag sqrt p_i - p_i sqrt p_i^T), G = A A^T with
    A = [U_1 ... U_s] / sqrt s, and g_i is minus the column of U_i at the label y_i over sqrt p_{i, y_i}. With K = A^T A
    the i-th term is therefore s / p_{i, y_i} times the diagonal entry of (K + lambda I)^{-1} K at (i, y_i).
    """
    rows = _Rows(subject)
    s, k = len(rows.labels), subject.num_classes
    K = gram(subject, rows.inputs.repeat_interleave(k, 0), rows.factors.reshape(s * k, k)) / s
    if not K.any():
        raise UnsupportedModel("Its Gauss-Newton matrix is exactly zero.")
    num_params = sum(p.numel() for p in subject.params.values())
    damping = DAMPING * K.trace() / num_params
    at_label = torch.arange(s, device=K.device) * k + rows.labels
    factor = torch.linalg.cholesky(K + damping * torch.eye(s * k, dtype=K.dtype, device=K.device))
    leverage = torch.cholesky_solve(K[:, at_label], factor)[at_label].diagonal()
    return float((leverage * (-rows.log_p_label).exp()).sum())


class _Rows:
    """The sample: inputs [s, c, h, w], labels [s], log p at the label [s] and factors L_i^T [s, k, k] of the softmax.

    L_i = diag(sqrt p_i) - p_i sqrt(p_i)^T, so L_i L_i^T = diag(p_i) - p_i p_i^T.
    """

    def __init__(self, subject: Subject) -> None:
        count = NUM_ROWS // subject.num_classes
        if count < MIN_EXAMPLES:
            raise UnsupportedModel(
                f"It has {subject.num_classes} classes, and the Gauss-Newton matrix of {MIN_EXAMPLES} examples must "
                f"have at most {NUM_ROWS} rows, one for each example and class."
            )
        batches = list(subject.batches(count))
        self.inputs = torch.cat([x for x, _ in batches])
        self.labels = torch.cat([y for _, y in batches])
        with torch.no_grad():
            log_p = subject.logits_of(self.inputs).double().log_softmax(1)
        p, root = log_p.exp(), (log_p / 2).exp()
        self.factors = (root.diag_embed() - root.unsqueeze(2) * p.unsqueeze(1)).to(subject.dtype)
        self.log_p_label = log_p.gather(1, self.labels.unsqueeze(1)).squeeze(1)


def gram(subject: Subject, inputs: Tensor, cotangents: Tensor) -> Tensor:
    """Inner products [r, r], in float64, of the gradients of <cotangent, logits> at each of r inputs.

    Gradients are made in chunks and made again for each pair of chunks, so that memory stays at two of them.
    """
    size = chunk_size(subject)
    chunks = list(zip(inputs.split(size), cotangents.split(size), strict=True))

    def gradients(index: int) -> Tensor:
        parts = gradients_of(subject, torch.dot, *chunks[index]).values()
        return torch.cat([part.reshape(len(part), -1) for part in parts], 1)  # [b, p]

    K = torch.zeros(len(inputs), len(inputs), dtype=torch.float64, device=subject.device)
    for i in range(len(chunks)):
        left, at = gradients(i), slice(i * size, (i + 1) * size)
        K[at, at] = (left @ left.T).double()
        for j in range(i + 1, len(chunks)):
            beside = slice(j * size, (j + 1) * size)
            K[at, beside] = (left @ gradients(j).T).double()
            K[beside, at] = K[at, beside].T
    return K
