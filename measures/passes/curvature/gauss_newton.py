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
from measures.passes.gradients.per_sample import gradients_of, slices

NUM_ROWS: Final = 480  # time grows with its square times P; on trained digits networks tr G is then within 1 to 2 %
MAX_VECTORS: Final = 4096  # n k up to which `spectrum` is taken; its time grows with the cube
MIN_VECTORS: Final = 1024  # of which none is left out
LEFT_OUT: Final = 0.01  # of the sum of squares in the space of logits: on trained digits gamma is lower by 1 to 3 %
GRAM_ROWS: Final = 256  # of a block of inner products, of which those above the diagonal are left out
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
    return _pull_back(subject, *_draw_vectors(subject))


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
    rows = gauss_newton(subject).rows
    products: Tensor = rows @ rows.T
    return products


@shared
def eigenvalues(subject: Subject) -> Tensor:
    """Eigenvalues of the estimate of G [r], largest first, in float64; all others are zero."""
    values: Tensor = torch.linalg.eigvalsh(gram(subject).double())
    return values.clamp(min=0).flip(0)


@shared
def spectrum(subject: Subject) -> Tensor:
    """Nonzero eigenvalues of G itself [r], largest first, in float64, but for what LEFT_OUT takes off them.

    With diag p_i - p_i p_i^T = sum_m s_im v_im v_im^T, G is the sum of the outer products of (s_im / n)^(1/2) J_i^T
    v_im. Where there are more than MIN_VECTORS, the smallest s_im are left out, which lowers every eigenvalue.

    Raises:
        UnsupportedModelError: n k is more than MAX_VECTORS, or G is zero.
    """
    count = subject.num_examples * subject.num_classes
    if count > MAX_VECTORS:
        raise UnsupportedModelError(
            f"All eigenvalues of its curvature take {count:,} gradients, one for each example and class; the limit is "
            f"{MAX_VECTORS:,}. Pass fewer training examples."
        )
    p = logits(subject).double().softmax(1)
    sizes, directions = torch.linalg.eigh(p.diag_embed() - p.unsqueeze(2) * p.unsqueeze(1))
    flat, order = sizes.clamp(min=0).flatten().sort(descending=True)
    if not flat.any():
        raise UnsupportedModelError(ONE_HOT)
    kept = min(len(flat), max(MIN_VECTORS, int((flat.cumsum(0) < (1 - LEFT_OUT) * flat.sum()).sum()) + 1))
    cotangents = (flat / subject.num_examples).sqrt().unsqueeze(1) * directions.mT.flatten(0, 1)[order]
    example = order // subject.num_classes
    rows = _pull_back(subject, example[:kept], cotangents[:kept].to(subject.dtype)).rows
    products = rows.new_zeros(kept, kept)
    for block in slices(kept, GRAM_ROWS):
        products[block.start :, block] = rows[block.start :] @ rows[block].T
    values: Tensor = torch.linalg.eigvalsh(products)  # reads the lower triangle
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
    """Index of the example [r] and cotangent of the logits [r, k] of each vector drawn."""
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
    return order[example], cotangents.to(subject.dtype)


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
