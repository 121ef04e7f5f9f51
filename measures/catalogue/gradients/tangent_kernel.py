"""Spectrum and label alignment of the neural tangent kernel, of the trained network and at initialization.

J_i is the Jacobian [k, P] of the logits at example i with respect to all parameters, in eval mode. The kernel
of s = min(n, 400) examples (4096 / k with more than ten classes, at least 8) is the matrix K [s, s] of the products
tr(J_i J_j^T) / k: the mean over the logits, which in a wide network all have the same kernel. At initialization, where
logits are drawn alike, it is estimated by three directions of a random orthonormal basis of them. Y [s, k] are the
one-hot labels.
"""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from measures.api import Subject, UnsupportedModelError, measure, shared
from measures.passes.gradients.tangents import TangentKernel, initial_tangent_kernel, tangent_kernel

DAMPING: Final = (
    0.01  # as a share of the mean eigenvalue; without it rounding decides, since kernels are close to singular
)
COST: Final = "shared tangent kernel: k forward and backward passes on 400 examples, and their products"
INITIAL_COST: Final = "shared tangent kernel: 3 forward and backward passes on 400 examples, and their products"


@measure(source="Arora et al. 2019, arXiv:1901.08584, theorem 5.1", family="tangent_kernel", cost=COST, version=2)
def ntk_complexity(subject: Subject) -> float:
    r"""Complexity of the labels under the tangent kernel of the trained network.

    .. math:: \sqrt{\frac{2}{s} \mathrm{tr}\, Y^T (K + \lambda I)^{-1} Y}, \quad \lambda = 0.01\, \mathrm{tr}\, K / s

    Departs from the paper in the kernel, which there is that of an infinitely wide network of one output, in the sum
    over classes, and in the damping. Unit: of weight. Changes when layers are rescaled.
    """
    return _complexity(tangent_kernel(subject))


@measure(
    source="Arora et al. 2019, arXiv:1901.08584, theorem 5.1", family="tangent_kernel", needs={"init"},
    cost=INITIAL_COST, version=2,
)  # fmt: skip
def ntk_complexity_init(subject: Subject) -> float:
    r"""Complexity of the labels under the tangent kernel at initialization.

    .. math:: \sqrt{\frac{2}{s} \mathrm{tr}\, Y^T (K^0 + \lambda I)^{-1} Y}, \quad
        \lambda = 0.01\, \mathrm{tr}\, K^0 / s

    Departs from the paper as `ntk_complexity` does. Unit: of weight.
    """
    return _complexity(initial_tangent_kernel(subject))


@measure(
    source="Cortes et al. 2012, arXiv:1203.0550, definition 4; Baratin et al. 2021, arXiv:2008.00938",
    family="tangent_kernel", expected_sign=-1, cost=COST, version=2,
)  # fmt: skip
def ntk_alignment(subject: Subject) -> float:
    r"""Centred alignment of the tangent kernel with the labels.

    .. math:: \frac{\langle H K H, H Y Y^T H \rangle_F}{\lVert H K H \rVert_F \lVert H Y Y^T H \rVert_F},
        \quad H = I - \frac{1}{s} 1 1^T

    No unit, between 0 and 1. Changes when layers are rescaled.
    """
    return _alignment(tangent_kernel(subject))


@measure(
    source="Cortes et al. 2012, arXiv:1203.0550, definition 4; Baratin et al. 2021, arXiv:2008.00938",
    family="tangent_kernel", needs={"init"}, expected_sign=-1, cost=INITIAL_COST, version=2,
)  # fmt: skip
def ntk_alignment_init(subject: Subject) -> float:
    r"""Centred alignment of the tangent kernel at initialization with the labels.

    .. math:: \frac{\langle H K^0 H, H Y Y^T H \rangle_F}{\lVert H K^0 H \rVert_F \lVert H Y Y^T H \rVert_F}

    with H as in `ntk_alignment`. No unit, between 0 and 1.
    """
    return _alignment(initial_tangent_kernel(subject))


@measure(source="Jacot et al. 2018, arXiv:1806.07572", family="tangent_kernel", cost=COST, version=2)
def ntk_trace(subject: Subject) -> float:
    r"""Mean squared norm of the Jacobian of the logits with respect to the parameters.

    .. math:: \frac{k}{s} \mathrm{tr}\, K

    Unit: logits squared per squared unit of weight. Changes when layers are rescaled.
    """
    kernel = tangent_kernel(subject)
    return kernel.num_classes * float(kernel.mean.trace()) / len(kernel.labels)


@measure(source="Jacot et al. 2018, arXiv:1806.07572", family="tangent_kernel", cost=COST, version=2)
def ntk_top(subject: Subject) -> float:
    r"""Largest eigenvalue of the tangent kernel, for one example.

    .. math:: \frac{1}{s} \lambda_{\max}(K)

    Unit: logits squared per squared unit of weight. Changes when layers are rescaled.
    """
    return float(_eigenvalues(subject)[-1]) / len(tangent_kernel(subject).labels)


@measure(
    source="Roy & Vetterli 2007, The effective rank; Baratin et al. 2021, arXiv:2008.00938",
    family="tangent_kernel", cost=COST, version=2,
)  # fmt: skip
def ntk_eff_rank(subject: Subject) -> float:
    r"""Effective rank of the tangent kernel.

    .. math:: \exp\left(-\sum_j q_j \log q_j\right), \quad q_j = \lambda_j(K) / \mathrm{tr}\, K

    with the natural logarithm. No unit, between 1 and s. Changes when layers are rescaled.
    """
    _nonzero(tangent_kernel(subject).mean)
    eigenvalues = _eigenvalues(subject).clamp_min(0)
    q = eigenvalues / eigenvalues.sum()
    return math.exp(float(torch.special.entr(q).sum()))


@measure(
    source="Oymak et al. 2019, arXiv:1906.05392, sec. 2", family="tangent_kernel", expected_sign=-1, cost=COST,
    version=2,
)  # fmt: skip
def ntk_label_energy(subject: Subject) -> float:
    r"""Share of the labels that lies in the k leading eigenvectors of the tangent kernel.

    .. math:: \frac{\lVert V_k^T Y \rVert_F^2}{\lVert Y \rVert_F^2}

    with V_k the k leading eigenvectors of K, one for each class. Departs from the paper, whose information space is of
    singular vectors above a threshold, in their number. No unit, between 0 and 1. Changes when layers are rescaled.
    """
    kernel = tangent_kernel(subject)
    vectors = torch.linalg.eigh(_nonzero(kernel.mean))[1][:, -subject.num_classes :]
    Y = _one_hot(kernel)
    return float((vectors.T @ Y).square().sum() / Y.square().sum())


@measure(
    source="MacKay 1992, Neural Computation 4(3) (Occam factor), of the kernel", family="tangent_kernel", cost=COST,
    version=2,
)  # fmt: skip
def ntk_logdet(subject: Subject) -> float:
    r"""Log determinant of the tangent kernel over a unit prior on the weights.

    .. math:: k \log \det\left(I + \frac{1}{s} K\right)

    with the natural logarithm: twice the information, in nats, that k noisy logits carry on the weights where each has
    the kernel K. Changes when layers are rescaled.
    """
    kernel, eigenvalues = tangent_kernel(subject), _eigenvalues(subject).clamp_min(0)
    return kernel.num_classes * float((eigenvalues / len(kernel.labels)).log1p().sum())


@measure(source="Jacot et al. 2020, arXiv:2006.09796, definition 1", family="tangent_kernel", cost=COST, version=2)
def kare(subject: Subject) -> float:
    r"""Kernel alignment risk estimate: the squared error on new data of regression with the tangent kernel.

    .. math:: \frac{\frac{1}{s} \mathrm{tr}\, Z^T (K + \lambda I)^{-2} Z}{\left( \frac{1}{s} \mathrm{tr}\,
        (K + \lambda I)^{-1} \right)^2}, \quad \lambda = 0.01\, \mathrm{tr}\, K / s

    with the labels Z = Y - 1 / k, summed over classes. Departs from the paper in the damping, which there is that of
    the regression. No unit. Invariant to a common scale of the weights' gradients.
    """
    K = _damped(tangent_kernel(subject))
    Z = _one_hot(tangent_kernel(subject)) - 1 / subject.num_classes
    factor = torch.linalg.cholesky(K)
    s = len(K)
    error = float(torch.cholesky_solve(Z, factor).square().sum()) / s
    return error / (float(torch.cholesky_inverse(factor).trace()) / s) ** 2


@measure(source="Liu, Zhu & Belkin 2022, arXiv:2003.00307 (condition number of the tangent kernel)",
         family="tangent_kernel", cost=COST)  # fmt: skip
def ntk_condition(subject: Subject) -> float:
    r"""Logarithm of the condition number of the tangent kernel.

    .. math:: \log \frac{\lambda_{\max}(K) + \lambda}{\lambda_{\min}(K) + \lambda}, \quad
        \lambda = 0.01\, \mathrm{tr}\, K / s

    with the natural logarithm. The least eigenvalue bounds the Polyak-Lojasiewicz constant of the squared error from
    below, and by its inverse Charles & Papailiopoulos (2018, arXiv:1710.08402) bound the stability of training: hence
    the sign. Departs from the paper in the damping, and in the kernel, which there has a row for each example and logit
    and here is the mean over logits. Unit: nats. Changes when layers are rescaled.
    """
    _nonzero(tangent_kernel(subject).mean)
    eigenvalues = _eigenvalues(subject).clamp_min(0)
    damping = DAMPING * float(eigenvalues.mean())
    return math.log((float(eigenvalues[-1]) + damping) / (float(eigenvalues[0]) + damping))


@shared
def _eigenvalues(subject: Subject) -> Tensor:
    """Eigenvalues [s] of K, ascending; of a positive semi-definite matrix, but for rounding."""
    eigenvalues: Tensor = torch.linalg.eigvalsh(tangent_kernel(subject).mean)
    return eigenvalues


def _damped(kernel: TangentKernel) -> Tensor:
    """K + lambda I."""
    K = _nonzero(kernel.mean)
    return K + DAMPING * K.trace() / len(K) * torch.eye(len(K), dtype=K.dtype, device=K.device)


def _complexity(kernel: TangentKernel) -> float:
    Y = _one_hot(kernel)
    solved = torch.cholesky_solve(Y, torch.linalg.cholesky(_damped(kernel)))
    return math.sqrt(2 * float((Y * solved).sum()) / len(Y))


def _alignment(kernel: TangentKernel) -> float:
    K, Y = _center(kernel.mean), _one_hot(kernel)
    L = _center(Y @ Y.T)
    if not K.any() or (kernel.labels == kernel.labels[0]).all():
        raise UnsupportedModelError("Its kernel or its labels do not vary over the training examples.")
    return float((K * L).sum() / (K.norm() * L.norm()))


def _center(K: Tensor) -> Tensor:
    """H K H with H = I - 1 1^T / s."""
    return K - K.mean(0) - K.mean(1, keepdim=True) + K.mean()


def _nonzero(K: Tensor) -> Tensor:
    if not K.any():
        raise UnsupportedModelError("Its tangent kernel is exactly zero: no logit depends on the parameters.")
    return K


def _one_hot(kernel: TangentKernel) -> Tensor:
    """Y [s, k] in float64."""
    return one_hot(kernel.labels, kernel.num_classes).double()
