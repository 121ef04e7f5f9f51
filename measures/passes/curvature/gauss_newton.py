r"""The Gauss-Newton part of the Hessian as a sum of outer products, sampled by their size.

The Hessian of the mean cross-entropy is G + R with

.. math:: G = \frac{1}{n} \sum_i J_i^T (\mathrm{diag}\, p_i - p_i p_i^T) J_i = \sum_{i, c} u_{ic} u_{ic}^T, \quad
    u_{ic} = \sqrt{p_{ic} / n}\; J_i^T (e_c - p_i)

where J_i [k, P] is the Jacobian of the logits at example i and p_i its softmax: G is positive semidefinite, equal to
the Fisher matrix, and all of the Hessian where the residual is small or the network is linear. Of a network that fits,
few of the n k vectors matter, and which they are is seen in a forward pass: ||e_c - p_i||^2 p_ic. NUM_ROWS of them are
drawn in proportion to that, without replacement, and weighted so that their sum of outer products is an unbiased
estimate of G. Where the many small eigenvalues count, which a sample does not have, `spectrum` takes nearly all.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.activations.outputs import logits
from measures.passes.gradients.gram import symmetric_products
from measures.passes.gradients.logit_jacobian import logit_jacobian, pull_back
from measures.passes.gradients.per_sample import gradients_of, slices

NUM_ROWS: Final = 480  # time grows with its square times P; on trained digits networks tr G is then within 1 to 2 %
MAX_VECTORS: Final = 4096  # n k up to which `spectrum` is taken; its time grows with the cube
MIN_VECTORS: Final = 1024  # of which none is left out
LEFT_OUT: Final = 0.01  # of the sum of squares in the space of logits: on trained digits gamma is lower by 1 to 3 %
RESOLVED: Final = 0.9  # of the same sum, and MIN_RESOLVED vectors at least: what few measures need of all
MIN_RESOLVED: Final = 480
SQUARED_ROWS: Final = 32  # at a time: their squares stay near
KEPT_FLOATS: Final = 2**27  # 0.5 GB of float32: beyond it rows are sketched
SUBSPACE_ITERATIONS: Final = 20  # products [r, r] by [r, count], which cost nothing; exact vectors are not needed
FLOATS_AT_A_TIME: Final = 2**22  # of gradients: more are no quicker
SKETCH_WIDTH: Final = 2**17  # inner products of unit rows are then off by 0.4 %
ONE_HOT: Final = "Its softmax is exactly one-hot at every example: the Gauss-Newton matrix is zero."


@dataclass(frozen=True, slots=True)
class GaussNewton:
    """A sample of the vectors u_ic.

    Attributes:
        rows: [r, P] with rows^T rows an estimate of G; or [r, SKETCH_WIDTH], their count sketch.
        is_sketch: whether `rows` is a sketch.
        diagonal: the estimate's diagonal, by parameter.
    """

    rows: Tensor
    is_sketch: bool
    diagonal: dict[str, Tensor]

    @property
    def trace(self) -> float:
        """Trace of the estimate of G."""
        return sum(float(part.double().sum()) for part in self.diagonal.values())


@shared
def gauss_newton(subject: Subject) -> GaussNewton:
    """The sample of all training examples and classes: exact where n k is at most NUM_ROWS.

    Raises:
        UnsupportedModelError: every softmax is one-hot to the last bit, so that G is zero.
    """
    example, cotangents = _draw_vectors(subject)
    rows = _rows_of_jacobian(subject, example, cotangents)
    if rows is None:
        return _pull_back(subject, subject.sample(subject.num_examples)[example], cotangents)
    squares = rows.new_zeros(rows.shape[1])
    for at in slices(len(rows), SQUARED_ROWS):
        squares += rows[at].square().sum(0)
    pieces = squares.split([p.numel() for p in subject.params.values()])
    diagonal = {name: piece.view_as(p) for (name, p), piece in zip(subject.params.items(), pieces, strict=True)}
    return GaussNewton(rows, is_sketch=False, diagonal=diagonal)


def _rows_of_jacobian(subject: Subject, example: Tensor, cotangents: Tensor) -> Tensor | None:
    """The vectors J_i^T v [r, P], i counted in the sample; None where no Jacobian of all examples is kept."""
    J = logit_jacobian(subject)
    return None if J is None or len(J) < subject.num_examples else pull_back(J, example, cotangents)


def _pull_back(subject: Subject, chosen: Tensor, cotangents: Tensor) -> GaussNewton:
    """The vectors J_i^T v of the examples i [r] and cotangents v [r, k]."""
    num_params = sum(p.numel() for p in subject.params.values())
    is_sketch = len(chosen) * num_params > KEPT_FLOATS
    bucket, sign = _sketch(subject, num_params) if is_sketch else (None, None)
    diagonal = {name: torch.zeros_like(p) for name, p in subject.params.items()}
    rows = cotangents.new_zeros(len(chosen), SKETCH_WIDTH if is_sketch else num_params)
    for at in slices(len(chosen), max(1, FLOATS_AT_A_TIME // num_params)):
        gradients = gradients_of(subject, torch.dot, subject.inputs[chosen[at]], cotangents[at])
        for name, part in gradients.items():
            diagonal[name] += part.square().sum(0)
        flat = torch.cat([part.reshape(len(part), -1) for part in gradients.values()], 1)
        if bucket is not None and sign is not None:
            rows[at].index_add_(1, bucket, flat * sign)
        else:
            rows[at] = flat
    return GaussNewton(rows, is_sketch, diagonal)


@shared
def gram(subject: Subject) -> Tensor:
    """Inner products [r, r] of the rows."""
    return symmetric_products(gauss_newton(subject).rows)


@shared
def eigenvalues(subject: Subject) -> Tensor:
    """Eigenvalues of the estimate of G [r], largest first, in float64; all others are zero."""
    values: Tensor = torch.linalg.eigvalsh(gram(subject).double())
    return values.clamp(min=0).flip(0)


@dataclass(frozen=True, slots=True)
class Directions:
    """Directions of the logits in which the mean loss of s examples curves: G is the sum of (J_i^T v)(J_i^T v)^T.

    Of diag p_i - p_i p_i^T = sum_m s_im v_im v_im^T, the v are (s_im / s)^(1/2) v_im, those with large s_im first.

    Attributes:
        example: index i [s k] among the examples.
        cotangents: v [s k, k], in float64.
        sizes: s_im / s [s k], in float64, falling.
    """

    example: Tensor
    cotangents: Tensor
    sizes: Tensor

    def holding(self, share: float, at_least: int) -> int:
        """How many of the first hold this share of the sum of sizes, and no fewer than `at_least`."""
        total = self.sizes.cumsum(0)
        return min(len(total), max(at_least, int((total < share * total[-1]).sum()) + 1))

    @property
    def resolved(self) -> int:
        """How many of the first hold RESOLVED of the sum of sizes, at least MIN_RESOLVED."""
        return self.holding(RESOLVED, MIN_RESOLVED)


def directions_of(answers: Tensor) -> Directions:
    """The directions of examples with these logits [s, k].

    Raises:
        UnsupportedModelError: every softmax is one-hot to the last bit.
    """
    p = answers.double().softmax(1)
    values, vectors = torch.linalg.eigh(p.diag_embed() - p.unsqueeze(2) * p.unsqueeze(1))
    sizes, order = (values.clamp(min=0) / len(answers)).flatten().sort(descending=True, stable=True)
    if not sizes.any():
        raise UnsupportedModelError(ONE_HOT)
    return Directions(order // answers.shape[1], sizes.sqrt().unsqueeze(1) * vectors.mT.flatten(0, 1)[order], sizes)


@shared
def directions(subject: Subject) -> Directions:
    """The directions of all training examples, counted in the order of the sample."""
    return directions_of(logits(subject)[subject.sample(subject.num_examples)])


@dataclass(frozen=True, slots=True)
class ResolvedRows:
    """The rows (J_i^T v) [r, P] of the first directions, and their inner products [r, r]."""

    rows: Tensor
    gram: Tensor


@shared
def resolved_rows(subject: Subject) -> ResolvedRows | None:
    """Those of the `resolved` directions; None where no Jacobian is kept."""
    found = directions(subject)
    count = found.resolved
    rows = _rows_of_jacobian(subject, found.example[:count], found.cotangents[:count])
    return None if rows is None else ResolvedRows(rows, symmetric_products(rows))


@shared
def spectrum(subject: Subject) -> Tensor:
    """Nonzero eigenvalues of G itself [r], largest first, in float64, but for what LEFT_OUT takes off them.

    Where there are more than MIN_VECTORS `directions`, the smallest are left out, which lowers every eigenvalue.

    Raises:
        UnsupportedModelError: n k is more than MAX_VECTORS, or G is zero.
    """
    count = subject.num_examples * subject.num_classes
    if count > MAX_VECTORS:
        raise UnsupportedModelError(
            f"All eigenvalues of its curvature take {count:,} gradients, one for each example and class; the limit is "
            f"{MAX_VECTORS:,}. Pass fewer training examples."
        )
    found = directions(subject)
    kept = found.holding(1 - LEFT_OUT, MIN_VECTORS)
    example, cotangents = found.example[:kept], found.cotangents[:kept].to(subject.dtype)
    resolved = resolved_rows(subject)
    if resolved is None:
        rows = _pull_back(subject, subject.sample(subject.num_examples)[example], cotangents).rows
        products = symmetric_products(rows)
    else:
        done = min(kept, len(resolved.rows))
        others = _rows_of_jacobian(subject, example[done:], cotangents[done:])
        assert others is not None  # noqa: S101  resolved rows come of the same Jacobian
        products = symmetric_products(torch.cat([resolved.rows[:done], others]), resolved.gram[:done, :done])
    values: Tensor = torch.linalg.eigvalsh(products)
    return values.double().clamp(min=0).flip(0)


def leading_eigenvectors(subject: Subject, count: int) -> Tensor:
    """Nearly the leading eigenvectors [P, count] of the estimate of G, of length one, by subspace iteration."""
    K, rows = gram(subject), gauss_newton(subject).rows
    start = torch.randn((len(K), min(count, len(K))), generator=subject.generator("leading"), device=K.device)
    basis = torch.linalg.qr(start.to(K.dtype)).Q
    for _ in range(SUBSPACE_ITERATIONS):
        basis = torch.linalg.qr(K @ basis).Q
    rotation = torch.linalg.eigh(basis.T @ K @ basis).eigenvectors.flip(1)
    vectors: Tensor = rows.T @ (basis @ rotation)
    lengths: Tensor = vectors.norm(dim=0)
    return vectors / lengths.clamp(min=torch.finfo(vectors.dtype).tiny)


def _draw_vectors(subject: Subject) -> tuple[Tensor, Tensor]:
    """Index of the example in the sample [r] and cotangent of the logits [r, k] of each vector drawn."""
    order = subject.sample(subject.num_examples)
    log_p = logits(subject)[order].double().log_softmax(1)
    p = log_p.exp()
    towards = torch.eye(subject.num_classes, dtype=p.dtype, device=p.device) - p.unsqueeze(1)  # e_c - p_i [n, k, k]
    size = (p * towards.square().sum(2)).flatten()
    if not size.any():
        raise UnsupportedModelError(ONE_HOT)
    start = torch.rand(1, generator=subject.generator("gauss_newton"), device=subject.device).item()
    picked, chance = systematic_sample(size, NUM_ROWS, start)
    example, label = picked // subject.num_classes, picked % subject.num_classes
    weight = (p[example, label] / (chance * subject.num_examples)).sqrt()
    cotangents = weight.unsqueeze(1) * towards[example, label]
    return example, cotangents.to(subject.dtype)


def systematic_sample(size: Tensor, count: int, start: float) -> tuple[Tensor, Tensor]:
    """Systematic sampling with probability proportional to size (Madow 1949), at most one draw of each.

    Args:
        size: [N], at least zero and not all zero.
        count: how many to draw; all that are not zero if there are no more.
        start: in [0, 1), the one random number.

    Returns:
        Indices drawn [r], and the probability [r] with which each was.
    """
    positive = int((size > 0).sum())
    if positive <= count:
        chosen = size.nonzero().squeeze(1)
        return chosen, torch.ones(len(chosen), dtype=size.dtype, device=size.device)
    low, high = 0.0, count / float(size[size > 0].min())  # factors between which the chances come to sum to `count`
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if float((size * middle).clamp(max=1).sum()) < count else (low, middle)
    chance = (size * high).clamp(max=1)
    upper = chance.cumsum(0)
    marks = torch.arange(count, dtype=size.dtype, device=size.device) + start
    chosen = torch.searchsorted(upper, marks, right=True).clamp(max=len(size) - 1).unique()
    return chosen, chance[chosen]


def _sketch(subject: Subject, num_params: int) -> tuple[Tensor, Tensor]:
    """Bucket [P] and sign [P] of each parameter in a count sketch."""
    generator = subject.generator("gauss_newton_sketch")
    bucket = torch.randint(0, SKETCH_WIDTH, (num_params,), generator=generator, device=subject.device)
    bits = torch.randint(0, 2, (num_params,), generator=generator, device=subject.device)
    return bucket, bits.to(subject.dtype) * 2 - 1
