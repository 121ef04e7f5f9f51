"""The Hessian of the mean training loss, by its products with vectors: Lanczos for its top, Hutchinson for its trace.

The loss is the cross-entropy in nats, the Hessian is with respect to all trainable parameters, in eval mode.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModel, shared

NUM_EXAMPLES: Final = 256  # bounds the cost: a product takes about three passes over them, and some twenty are needed
TOLERANCE: Final = 0.01  # relative error at which the top eigenvalue is accepted
MIN_PRODUCTS: Final = 10  # earlier the gap is not yet resolved; and the more Lanczos captures, the surer the trace
MAX_PRODUCTS: Final = 40  # networks whose top stands out of the bulk need no more than MIN_PRODUCTS
NUM_PROBES: Final = 8  # random signs for what Lanczos did not capture of the trace


class Hessian:
    """Products H v with the Hessian of the mean loss over NUM_EXAMPLES training examples, vectors flat [p].

    The graph of the gradient is built once a batch and kept; each product is one backward pass through it.

    Raises:
        UnsupportedModel: an operation of the network has no second derivative.
    """

    def __init__(self, subject: Subject) -> None:
        params = {name: p.detach().requires_grad_() for name, p in subject.params.items()}
        self._params = list(params.values())
        self.dimension = sum(p.numel() for p in self._params)
        count = min(NUM_EXAMPLES, subject.num_examples)
        self._gradients = []
        for x, y in subject.batches(NUM_EXAMPLES):
            loss = cross_entropy(subject.forward(params, x), y, reduction="sum") / count
            self._gradients.append(torch.autograd.grad(loss, self._params, create_graph=True, materialize_grads=True))

    def __matmul__(self, vector: Tensor) -> Tensor:
        """H v [p] for v [p]."""
        pieces = [
            piece.view_as(param)
            for piece, param in zip(vector.split([p.numel() for p in self._params]), self._params, strict=True)
        ]
        return torch.stack([self._product(gradient, pieces) for gradient in self._gradients]).sum(0)

    def _product(self, gradient: tuple[Tensor, ...], pieces: list[Tensor]) -> Tensor:
        curved = [(g, piece) for g, piece in zip(gradient, pieces, strict=True) if g.requires_grad]
        if not curved:
            raise UnsupportedModel("The gradient of its loss does not depend on its parameters: no second derivative.")
        outputs, vectors = zip(*curved, strict=True)
        try:
            products = torch.autograd.grad(outputs, self._params, vectors, retain_graph=True, materialize_grads=True)
        except RuntimeError as error:  # torch has no type of its own for a missing formula
            if "not implemented" not in str(error):
                raise
            raise UnsupportedModel(f"An operation of the network has no second derivative: {error}") from error
        return torch.cat([product.flatten() for product in products])


@dataclass(frozen=True, slots=True)
class TopOfSpectrum:
    """What Lanczos leaves behind.

    Attributes:
        eigenvalue: the largest (algebraic) eigenvalue of the Hessian.
        error: bound on its absolute error.
        basis: orthonormal basis [p, m] of the Krylov space.
        diagonal: v^T H v [m] of the basis vectors.
    """

    eigenvalue: float
    error: float
    basis: Tensor
    diagonal: Tensor


@shared
def hessian(subject: Subject) -> Hessian:
    """Hessian of the mean training loss."""
    return Hessian(subject)


@shared
def top_of_spectrum(subject: Subject) -> TopOfSpectrum:
    """Lanczos on the Hessian, from random signs, until the top eigenvalue is known to TOLERANCE."""
    operator = hessian(subject)
    signs = random_signs(operator.dimension, subject.generator("lanczos"), subject)
    return lanczos(operator, signs)


def lanczos(operator: Hessian, start: Tensor) -> TopOfSpectrum:
    r"""Largest eigenvalue by Lanczos with full reorthogonalisation.

    After m products T = V^T H V is tridiagonal; for its top eigenpair (theta, s) the residual ||H V s - theta V s|| is
    r = beta_m |s_m|, so an eigenvalue of H lies within r of theta, and within r^2 / gap where gap separates theta from
    the other eigenvalues (Kato-Temple; Parlett 1998, sec. 10.5 and 11.7), here estimated by those of T.

    Raises:
        RuntimeError: MAX_PRODUCTS were not enough.
    """
    basis = [start / start.norm()]
    diagonal: list[Tensor] = []
    coupling: list[Tensor] = []
    for step in range(1, min(MAX_PRODUCTS, len(start)) + 1):
        V = torch.stack(basis, 1)  # [p, m]
        product = operator @ basis[-1]
        diagonal.append(basis[-1] @ product)
        residual = product - V @ (V.T @ product)
        residual = residual - V @ (V.T @ residual)  # twice is enough (Parlett 1998, sec. 6.9)
        beta = residual.norm()
        values, vectors = torch.linalg.eigh(_tridiagonal(diagonal, coupling))
        theta, bound = float(values[-1]), float(beta * vectors[-1, -1].abs())
        gap = theta - float(values[-2]) if step > 1 else 0.0
        error = min(bound, bound**2 / gap) if gap > bound else bound
        exhausted = step == len(start) or bool(beta <= torch.finfo(beta.dtype).eps * values.abs().max())
        if exhausted or (step >= MIN_PRODUCTS and error <= TOLERANCE * abs(theta)):
            return TopOfSpectrum(theta, error, V, torch.stack(diagonal))
        coupling.append(beta)
        basis.append(residual / beta)
    raise RuntimeError(
        f"Lanczos must find the top eigenvalue to {TOLERANCE:.0%} within {MAX_PRODUCTS} products; got {theta:g} with "
        f"an error of up to {error:g}."
    )


@shared
def hessian_trace(subject: Subject) -> float:
    r"""Trace of the Hessian: exact on the Krylov space of Lanczos, Hutchinson's estimator on its complement.

    .. math:: \mathrm{tr}(V^T H V) + \frac{1}{s} \sum_j z_j^T H z_j, \quad z_j = (I - V V^T) v_j

    with random signs v_j. Unbiased, since V does not depend on the v_j, and of small variance, since V holds the
    outlying eigenvalues (Meyer et al. 2021, arXiv:2010.09649, deflate so in their Hutch++).
    """
    operator, top = hessian(subject), top_of_spectrum(subject)
    generator = subject.generator("hutchinson")
    rest = 0.0
    for _ in range(NUM_PROBES):
        signs = random_signs(operator.dimension, generator, subject)
        probe = signs - top.basis @ (top.basis.T @ signs)
        rest += float(probe @ (operator @ probe)) / NUM_PROBES
    return float(top.diagonal.sum()) + rest


def random_signs(count: int, generator: torch.Generator, subject: Subject) -> Tensor:
    """Independent signs [count], +1 or -1 with equal probability (Rademacher)."""
    bits = torch.randint(0, 2, (count,), generator=generator, device=subject.device)
    return bits.to(subject.dtype) * 2 - 1


def _tridiagonal(diagonal: list[Tensor], coupling: list[Tensor]) -> Tensor:
    """Symmetric tridiagonal matrix [m, m] in float64."""
    T = torch.stack(diagonal).double().diag()
    if coupling:
        off = torch.stack(coupling).double()
        T = T + off.diag(1) + off.diag(-1)
    return T
