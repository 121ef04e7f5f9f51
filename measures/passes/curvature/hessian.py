"""The Hessian of the mean training loss, by its products with vectors: Lanczos for its top, probes for trace and norm.

The loss is the cross-entropy in nats, the Hessian is with respect to all parameters, frozen ones
included, in eval mode. What is
known of it before the first product is its Gauss-Newton part G (`measures.passes.curvature.gauss_newton`): Lanczos
starts from the leading eigenvectors of G, and the probes only have to find what H is beyond G. Both find the Hessian's
own numbers, whatever G is; a good G saves products.
"""

import math
import statistics
from dataclasses import dataclass
from typing import Final

import torch
from scipy.stats import t as student
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.activations.outputs import logits
from measures.passes.curvature.gauss_newton import eigenvalues, gauss_newton, leading_eigenvectors
from measures.passes.curvature.hessian_products import Hessian

TOLERANCE: Final = 0.01  # relative error at which the top eigenvalue is accepted
# The start knows G, so that its own top converges first; what is beyond G must have its chance to show. With 5 products
# one of 48 small recurrent networks was off by 10 %, two of 90 others by 1.8 %; with 12 none of the 48, one of the 90.
MIN_PRODUCTS: Final = 12
SETTLED: Final = 4  # products over which the eigenvalue must not have moved by more than TOLERANCE
MAX_PRODUCTS: Final = 40  # networks whose top eigenvalue is an outlier need no more than about twelve
NUM_LEADING: Final = 3  # eigenvectors of G in the start: more take as many products again to come apart
CHANCE: Final = 0.5  # length of the random part of the start, beside 1 for that of G
MIN_PROBES: Final = 4  # random signs for what is not in G
MAX_PROBES: Final = 64  # until the standard errors are within TRACE_TOLERANCE and SQUARE_TOLERANCE
TRACE_TOLERANCE: Final = 0.05  # one standard error, relative
SQUARE_TOLERANCE: Final = 0.1  # the same of the squared norm: half of it of the norm
ONE_SIGMA: Final = 0.8413  # of the normal distribution, the share below one standard deviation above the mean
EXACT_DIMENSION: Final = 512  # up to it one product for each unit vector gives both, if probes do not


@dataclass(frozen=True, slots=True)
class TopOfSpectrum:
    """Result of the Lanczos iteration.

    Attributes:
        eigenvalue: the largest (algebraic) eigenvalue of the Hessian.
        error: bound on its absolute error.
        basis: orthonormal basis [p, m] of the Krylov space.
    """

    eigenvalue: float
    error: float
    basis: Tensor


@shared
def hessian(subject: Subject) -> Hessian:
    """Hessian of the mean training loss; the logits must be finite."""
    logits(subject)
    return Hessian(subject)


@shared
def top_of_spectrum(subject: Subject) -> TopOfSpectrum:
    """Lanczos on the Hessian, from the leading eigenvectors of G and random signs, until TOLERANCE is reached."""
    operator = hessian(subject)
    signs = random_signs(operator.dimension, subject.generator("lanczos"), subject)
    start = CHANCE * signs / operator.dimension**0.5
    if known_part(subject) is not None:
        leading = leading_eigenvectors(subject, NUM_LEADING)  # [p, l]
        aligned = leading * (leading.T @ signs).sign()  # an eigenvector's own sign is arbitrary
        start = start + aligned.sum(1) / leading.shape[1] ** 0.5
    return lanczos(operator, start)


def lanczos(operator: Hessian, start: Tensor) -> TopOfSpectrum:
    r"""Largest eigenvalue by Lanczos with full reorthogonalisation.

    After m products T = V^T H V is tridiagonal; for its top eigenpair (theta, s) the residual ||H V s - theta V s|| is
    r = beta_m |s_m|, so an eigenvalue of H lies within r of theta, and within r^2 / gap where gap separates theta from
    the other eigenvalues (Kato-Temple; Parlett 1998, sec. 10.5 and 11.7), here estimated by those of T. That it is the
    largest, no bound says: at least MIN_PRODUCTS products look for others, and the last of them must find none.

    Raises:
        UnsupportedModelError: MAX_PRODUCTS were not enough.
    """
    basis = [start / start.norm()]
    diagonal: list[Tensor] = []
    coupling: list[Tensor] = []
    tops: list[float] = []
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
        tops.append(theta)
        settled = step >= MIN_PRODUCTS and theta - tops[-1 - SETTLED] <= TOLERANCE * abs(theta)
        if exhausted or (settled and error <= TOLERANCE * abs(theta)):
            return TopOfSpectrum(theta, error, V)
        coupling.append(beta)
        basis.append(residual / beta)
    raise UnsupportedModelError(
        f"The top eigenvalue of its Hessian could not be found to {TOLERANCE:.0%} within {MAX_PRODUCTS} products; got "
        f"{theta:g} with an error of up to {error:g}."
    )


@dataclass(frozen=True, slots=True)
class Moments:
    """First two moments of the spectrum of the Hessian.

    Attributes:
        trace: sum of the eigenvalues.
        trace_error: its standard error, estimated from above; zero if exact.
        square: sum of their squares, the squared Frobenius norm; an estimate may fall below zero.
        square_error: its standard error.
    """

    trace: float
    trace_error: float
    square: float
    square_error: float


def trace(subject: Subject) -> float:
    """Trace of the Hessian.

    Raises:
        UnsupportedModelError: its standard error is above TRACE_TOLERANCE of it.
    """
    found = moments(subject)
    if found.trace_error > TRACE_TOLERANCE * abs(found.trace):
        raise UnsupportedModelError(
            f"The trace of its Hessian could not be estimated to {TRACE_TOLERANCE:.0%} by {MAX_PROBES} products; got "
            f"{found.trace:g} with a standard error of {found.trace_error:g}."
        )
    return found.trace


def squared_norm(subject: Subject) -> float:
    """Squared Frobenius norm of the Hessian.

    Raises:
        UnsupportedModelError: its standard error is above SQUARE_TOLERANCE of it.
    """
    found = moments(subject)
    if found.square_error > SQUARE_TOLERANCE * found.square:
        raise UnsupportedModelError(
            f"The squared norm of its Hessian could not be estimated to {SQUARE_TOLERANCE:.0%} by {MAX_PROBES} "
            f"products; got {found.square:g} with a standard error of {found.square_error:g}."
        )
    return found.square


@shared
def moments(subject: Subject) -> Moments:
    r"""Trace and squared Frobenius norm of the Hessian by Hutchinson's estimator, with G as control variate.

    .. math:: \mathrm{tr}\, G + \frac{1}{s} \sum_j z_j^T (H - G) z_j, \quad
        \lVert G \rVert_F^2 + \frac{1}{s} \sum_j \lVert H z_j \rVert^2 - \lVert G z_j \rVert^2

    with random signs z_j. Unbiased whatever symmetric matrix G is, and the scatter is that of H - G alone: the standard
    error of the first is at most (2 / s)^(1/2) ||H - G||_F (Hutchinson 1990), whose norm the mean of ||(H - G) z_j||^2
    estimates; that of the second is the sample's, times Student's factor. Each is the mean over MIN_PROBES draws or as
    many more, up to MAX_PROBES, as its tolerance takes. Small networks that need more have one product for each
    parameter instead, which is exact.
    """
    operator, known = hessian(subject), known_part(subject)
    generator = subject.generator("hutchinson")
    values = eigenvalues(subject) if known is not None else torch.zeros(1)
    traces, squares = _Mean(float(values.sum())), _Mean(float(values.square().sum()))
    norms = 0.0
    for count in range(1, MAX_PROBES + 1):
        signs = random_signs(operator.dimension, generator, subject)
        product = operator @ signs
        beyond = product if known is None else product - known.T @ (known @ signs)
        norms += float(beyond.double().square().sum())
        traces.add(float((signs @ beyond).double()), TRACE_TOLERANCE, math.sqrt(2 * norms) / count)
        squares.add(float((beyond @ (2 * product - beyond)).double()), SQUARE_TOLERANCE)
        if traces.done and squares.done:
            break
    else:
        if operator.dimension <= EXACT_DIMENSION:
            return _exact_moments(operator, subject)
    return Moments(traces.value, traces.error, squares.value, squares.error)


class _Mean:
    """A mean over draws, taken until its standard error is within a tolerance."""

    def __init__(self, known: float) -> None:
        self.known, self.draws, self.value, self.error, self.done = known, list[float](), known, math.inf, False

    def add(self, draw: float, tolerance: float, error: float | None = None) -> None:
        """Take another draw, unless it is done; `error` is the standard error, that of the draws if None."""
        if self.done:
            return
        self.draws.append(draw)
        self.value = self.known + math.fsum(self.draws) / len(self.draws)
        if len(self.draws) >= MIN_PROBES:
            self.error = _standard_error(self.draws) if error is None else error
            self.done = self.error <= tolerance * abs(self.value)


def _standard_error(draws: list[float]) -> float:
    """Standard error of the mean of draws, widened by Student's factor when they are few."""
    factor = float(student.ppf(ONE_SIGMA, len(draws) - 1))
    return factor * statistics.stdev(draws) / math.sqrt(len(draws))


def _exact_moments(operator: Hessian, subject: Subject) -> Moments:
    trace = square = 0.0
    for index in range(operator.dimension):
        unit = torch.zeros(operator.dimension, dtype=subject.dtype, device=subject.device)
        unit[index] = 1
        column = (operator @ unit).double()
        trace, square = trace + float(column[index]), square + float(column.square().sum())
    return Moments(trace, 0.0, square, 0.0)


def known_part(subject: Subject) -> Tensor | None:
    """Rows [r, p] with rows^T rows near the Hessian; None if they are too long to be kept or the softmax is one-hot."""
    try:
        sample = gauss_newton(subject)
    except UnsupportedModelError:
        return None
    return None if sample.is_sketch else sample.rows


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
