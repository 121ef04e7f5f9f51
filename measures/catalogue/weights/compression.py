"""Compressibility of the weights: pruned, rounded, coded.

"Weights" are the parameters of at least two dimensions; biases, gains and other vectors stay as they are. Losses of
accuracy are judged on all training examples, of more than 512 on a fixed sample.
"""

import math
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError, measure, shared
from measures.per_layer import Layered, layer_sum

Whole = NDArray[np.int64]

NUM_EXAMPLES: Final = 512  # bounds the cost: some ten forward passes over them for each search
FIRST_LOOK: Final = 64  # examples at a time, most of which a grid that is far too coarse does not get to see
LOSS_FACTOR: Final = 1.1  # the loss may grow by a tenth (Kuhn et al. 2021)
ACCURACY_DROP: Final = 0.01
HALVINGS: Final = 7  # fractions are known to 1 / 128
FINE_LEVELS: Final = 64  # one more is tried up to twice as many, then steps of at most one in so many
MAX_LEVELS: Final = 2**14  # on each side of zero: 15 bits, beyond which float32 itself is the grid
PIECE: Final = 2**17  # bytes coded in one call, which no time limit interrupts: at most some 0.2 s


@measure(
    source="Kuhn et al. 2021, arXiv:2103.06002 (prunability)",
    family="compression",
    expected_sign=-1,
    cost="8 forward passes of 512 examples",
    version=2,
)
def prunability(subject: Subject) -> float:
    r"""Largest share of the weights, smallest first, that can be set to zero while the training loss stays.

    .. math:: \max \{ f : L(w_{(f)}) \le 1.1 L(w) \}

    w_(f) is w with the f P weights of least magnitude, over all layers together, set to zero; L is the cross-entropy.
    Found by bisection, which takes the loss to grow with f. Departs from the paper in the sign: there what counts is
    the share that is kept. No unit, between 0 and 1 in steps of 1 / 128.
    """
    limit = LOSS_FACTOR * _evaluate_trained(subject)[1]
    return _find_largest_share(lambda share: _evaluate_pruned(subject, share)[1] <= limit)


@measure(
    source="Kuhn et al. 2021, arXiv:2103.06002, by accuracy instead of loss",
    family="compression",
    expected_sign=-1,
    cost="8 forward passes of 512 examples",
    version=2,
)
def prunability_accuracy(subject: Subject) -> float:
    r"""Largest share of the weights, smallest first, that can be set to zero while the training accuracy stays.

    .. math:: \max \{ f : \mathrm{acc}(w_{(f)}) \ge \mathrm{acc}(w) - 0.01 \}

    As `prunability` but for what must stay. No unit, between 0 and 1 in steps of 1 / 128.
    """
    limit = _evaluate_trained(subject)[0] - ACCURACY_DROP
    return _find_largest_share(lambda share: _evaluate_pruned(subject, share)[0] >= limit)


@measure(
    source="Uniform quantization of trained weights: Jacob et al. 2018, arXiv:1712.05877",
    family="compression",
    cost="forward passes of 64 to 512 examples for each grid, shared",
    version=2,
)
def quant_bits(subject: Subject) -> float:
    r"""Bits a weight of the coarsest uniform grid on which the training accuracy stays within a hundredth.

    .. math:: \min_q \log_2(2 q + 1) : \mathrm{acc}(\hat w) \ge \mathrm{acc}(w) - 0.01, \quad
        \hat W_j = \frac{r_j}{q} \mathrm{round}(q W_j / r_j), \quad r_j = \max |W_j|

    A grid has q levels on either side of zero, the outermost at the largest magnitude of its tensor. Accuracy does not
    always rise with q: grids are tried from the coarsest on, every one up to 128 levels and then in steps of at most
    1.6 %. Departs from practice in that widths need not be whole. Unit: bits.
    """
    return math.log2(2 * find_grid(subject).levels + 1)


@measure(
    source="Shannon 1948 (noiseless coding), of the weights of quant_bits",
    family="compression",
    cost="forward passes of 64 to 512 examples for each grid, shared",
    version=2,
)
def entropy_bits(subject: Subject) -> Layered:
    r"""Bits a training example that an ideal code of the rounded weights takes, each tensor with its own code.

    .. math:: \frac{1}{n} \sum_j |W_j| H(\hat W_j)

    |W_j| is the number of weights of a tensor and H the entropy, in bits, of the frequencies of its rounded values as
    in `quant_bits`. The tables of the codes and what is not rounded are left out. Unit: bits an example.
    """
    return layer_sum(
        {
            name: len(values) * entropy(values) / subject.num_examples
            for name, values in find_grid(subject).values.items()
        }
    )


@measure(
    source="Compressed size as complexity: Cilibrasi & Vitanyi 2005, arXiv:cs/0312044; DEFLATE, RFC 1951",
    family="compression",
    cost="forward passes of 64 to 512 examples for each grid, shared",
    version=2,
)
def gzip_bits(subject: Subject) -> float:
    r"""Bits a training example of the DEFLATE stream of the rounded weights.

    .. math:: 8 |\mathrm{deflate}(\hat w)| / n

    The rounded weights of `quant_bits` in the order of the parameters, a byte each, two where a grid has more than 127
    levels on a side, at zlib's level 9. The length may differ by a hundredth between implementations of zlib, unlike
    `entropy_bits`. Unit: bits an example.
    """
    found = find_grid(subject)
    kind = np.int8 if found.levels <= np.iinfo(np.int8).max else np.dtype("<i2")
    return 8 * deflated_length(values.astype(kind).tobytes() for values in found.values.values()) / subject.num_examples


@dataclass(frozen=True, slots=True)
class Quantized:
    """The coarsest grid that keeps the accuracy, and the weights on it.

    Attributes:
        levels: q, on each side of zero.
        values: by parameter, the rounded weights as whole numbers [p] from -q to q.
    """

    levels: int
    values: dict[str, Whole]


@shared
def find_grid(subject: Subject) -> Quantized:
    """Find the coarsest uniform grid on which accuracy stays within ACCURACY_DROP.

    Raises:
        UnsupportedModelError: there is none of up to MAX_LEVELS, or there is nothing to round.
    """
    _require_weights(subject)
    limit = _evaluate_trained(subject)[0] - ACCURACY_DROP

    levels = 1
    while not _reaches(subject, round_to_grid(subject.params, levels), limit):
        levels += max(1, levels // FINE_LEVELS)
        if levels > MAX_LEVELS:
            raise UnsupportedModelError(
                f"Rounding the weights to {MAX_LEVELS} levels on each side of zero lowers the accuracy by more than "
                f"{ACCURACY_DROP}."
            )
    values = {
        name: (w / _largest_magnitude(w) * levels).round().flatten().cpu().numpy().astype(np.int64)
        for name, w in subject.params.items()
        if _is_weight(w)
    }
    return Quantized(levels, values)


def round_to_grid(params: dict[str, Tensor], levels: int) -> dict[str, Tensor]:
    """Round the weights to a grid of `levels` on each side of zero."""
    return {
        name: (w / _largest_magnitude(w) * levels).round() * (_largest_magnitude(w) / levels) if _is_weight(w) else w
        for name, w in params.items()
    }


def order_by_magnitude(params: dict[str, Tensor]) -> Tensor:
    """Indices [p] of the weights of all layers, end to end, those of least magnitude first."""
    return torch.cat([w.flatten() for w in params.values() if _is_weight(w)]).abs().argsort(stable=True)


def set_to_zero(params: dict[str, Tensor], places: Tensor) -> dict[str, Tensor]:
    """Set the weights at these indices, of all layers end to end, to zero."""
    weights = {name: w for name, w in params.items() if _is_weight(w)}
    flat = torch.cat([w.flatten() for w in weights.values()]).index_fill(0, places, 0.0)
    parts = flat.split([w.numel() for w in weights.values()])
    return {**params, **{name: part.view_as(params[name]) for name, part in zip(weights, parts, strict=True)}}


def entropy(values: Whole) -> float:
    """Entropy in bits of the frequencies of values [p]."""
    counts = np.unique(values, return_counts=True)[1]
    p = counts / counts.sum()
    return float(-(p * np.log2(p)).sum()) + 0.0


def deflated_length(parts: Iterable[bytes]) -> int:
    """Length in bytes of one DEFLATE stream, at level 9, of all parts; it does not depend on where they are cut."""
    coder, length = zlib.compressobj(9), 0
    for part in parts:
        view = memoryview(part)
        length += sum(len(coder.compress(view[start : start + PIECE])) for start in range(0, len(view), PIECE))
    return length + len(coder.flush())


def _find_largest_share(holds: Callable[[float], bool]) -> float:
    """The largest of 0, 1/128, ..., 1 where `holds`, which is true at 0 and taken to be false from some share on."""
    low, high = 0, 2**HALVINGS + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle / 2**HALVINGS) else (low, middle)
    return low / 2**HALVINGS


@shared
def _order(subject: Subject) -> Tensor:
    """Indices of the weights by magnitude."""
    _require_weights(subject)
    return order_by_magnitude(subject.params)


def _evaluate_pruned(subject: Subject, share: float) -> tuple[float, float]:
    """Accuracy and mean cross-entropy with this share of the weights, those of least magnitude, set to zero."""
    places = _order(subject)
    return _evaluate(subject, set_to_zero(subject.params, places[: round(share * len(places))]))


@shared
def _evaluate_trained(subject: Subject) -> tuple[float, float]:
    """Accuracy and mean cross-entropy as trained."""
    accuracy, loss = _evaluate(subject, subject.params)
    if not math.isfinite(loss):
        raise UnsupportedModelError(f"Its training loss is {loss}, which is no finite number.")
    return accuracy, loss


def _evaluate(subject: Subject, params: dict[str, Tensor]) -> tuple[float, float]:
    """Accuracy and mean cross-entropy on NUM_EXAMPLES training examples under other parameters."""
    hits, total, seen = 0, 0.0, 0
    with torch.no_grad():
        for x, y in subject.batches(NUM_EXAMPLES):
            answers = subject.forward(params, x)
            hits += int((answers.argmax(1) == y).sum())
            total += float(cross_entropy(answers.double(), y, reduction="sum"))
            seen += len(y)
    return hits / seen, total / seen


def _reaches(subject: Subject, params: dict[str, Tensor], limit: float) -> bool:
    """Whether the accuracy under other parameters is at least `limit`; examples are seen until that is decided."""
    count, misses = min(NUM_EXAMPLES, subject.num_examples), 0
    with torch.no_grad():
        for x, y in subject.batches(NUM_EXAMPLES, FIRST_LOOK):
            misses += int((subject.forward(params, x).argmax(1) != y).sum())
            if (count - misses) / count < limit:
                return False
    return True


def _require_weights(subject: Subject) -> None:
    if not any(_is_weight(w) for w in subject.params.values()):
        raise UnsupportedModelError("There is nothing to compress: none of its parameters is a matrix.")


def _is_weight(parameter: Tensor) -> bool:
    return parameter.dim() > 1


def _largest_magnitude(weight: Tensor) -> Tensor:
    """The largest magnitude, or one where all are zero."""
    largest = weight.abs().max()
    return torch.where(largest > 0, largest, torch.ones_like(largest))
