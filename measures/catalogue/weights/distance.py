"""Distances of the weights from initialization.

All but `path_length` are of the weights of convolutions and linear layers without biases, with batch norm folded in at
either end: the initial weights with the statistics and affine parameters of the start.
"""

import math
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.weights.norms import squared_norm, sum_by_layer
from measures.passes.weights.convolution_spectra import displacement_convolution_norms
from measures.passes.weights.folding import initial_layers, layers
from measures.passes.weights.spectra import displacement_frobenius_norms, displacement_spectral_norms, displacements
from measures.per_layer import Layered

COST: Final = "weights at two moments"
EQUAL: Final = 1e-6  # of their norm: units that differ by less are equal but for the rounding of single precision


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 40",
    family="distance",
    needs={"init"},
    cost=COST,
    weights_only=True,
    version=2,
)
def fro_dist(subject: Subject) -> float:
    r"""Squared Frobenius distances of the layers from initialization, summed.

    .. math:: \sum_j \lVert W_j - W_j^0 \rVert_F^2

    No root and no division by the number of examples. Unit: weight squared. Changes when layers are rescaled.
    """
    return sum_by_layer(subject, displacement_frobenius_norms(subject).square())


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code (DIST_L2)", family="distance", needs={"init"},
         cost=COST, weights_only=True, version=2)  # fmt: skip
def l2_dist(subject: Subject) -> float:
    r"""Euclidean distance of all weights from initialization.

    .. math:: \lVert w - w^0 \rVert_2

    It orders networks as `fro_dist` does. Unit: that of a weight. Changes when layers are rescaled.
    """
    return math.sqrt(squared_norm(displacements(subject)))


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 41",
    family="distance",
    needs={"init"},
    cost=COST,
    weights_only=True,
    version=2,
)
def dist_spec_init(subject: Subject) -> float:
    r"""Squared spectral distances of the layers from initialization, summed.

    .. math:: \sum_j \lVert W_j - W_j^0 \rVert_2^2

    Norms of the kernels reshaped into matrices [out, in * kernel]. Unit: weight squared. Changes when layers are
    rescaled.
    """
    return sum_by_layer(subject, displacement_spectral_norms(subject).square())


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code (DIST_SPEC_INIT_FFT)", family="distance",
         needs={"init"}, cost="frequencies of each convolution", weights_only=True, version=2)  # fmt: skip
def dist_spec_init_fft(subject: Subject) -> float:
    r"""As `dist_spec_init`, with the spectral norms of the maps between images.

    .. math:: \sum_j \max_\omega \lVert \hat{W}_j(\omega) - \hat{W}_j^0(\omega) \rVert_2^2

    Each layer at the size of its own input, with its stride; the published code takes that of the network's input.
    Unit: weight squared. Changes when layers are rescaled.
    """
    return sum_by_layer(subject, displacement_convolution_norms(subject).square())


@measure(
    source="Nagarajan & Kolter 2019, arXiv:1901.01672",
    family="distance",
    needs={"init"},
    cost=COST,
    weights_only=True,
    version=2,
)
def rel_dist(subject: Subject) -> float:
    r"""Euclidean distance of all weights from initialization, relative to the norm of the initial weights.

    .. math:: \lVert w - w^0 \rVert_2 / \lVert w^0 \rVert_2

    Departs from the paper, which does not divide. No unit. Changes when layers are rescaled.
    """
    start = math.sqrt(squared_norm([layer.weight for layer in initial_layers(subject)]))
    return math.sqrt(squared_norm(displacements(subject))) / _require_nonzero(start)


@measure(source="none: the angle between the weights after and before training", family="distance", needs={"init"},
         cost=COST, weights_only=True, version=2)  # fmt: skip
def cos_to_init(subject: Subject) -> float:
    r"""One minus the cosine between the weights and the initial weights.

    .. math:: 1 - \frac{\langle w, w^0 \rangle}{\lVert w \rVert_2 \lVert w^0 \rVert_2}

    Of all layers as one vector. No unit: 0 to 2. Changes when layers are rescaled by different factors.
    """
    ends = [[layer.weight.double() for layer in at] for at in (layers(subject), initial_layers(subject))]
    inner = sum(float((trained * initial).sum()) for trained, initial in zip(*ends, strict=True))
    return 1 - inner / math.prod(_require_nonzero(math.sqrt(squared_norm(end))) for end in ends)


@measure(source="Kornblith et al. 2019, arXiv:1905.00414, sec. 3 (linear kernel), of weights instead of features",
         family="distance", needs={"init"}, cost=COST, weights_only=True, version=2)  # fmt: skip
def w_cka(subject: Subject) -> float:
    r"""One minus the mean centred kernel alignment of the layers with their initial weights.

    .. math:: 1 - \frac{1}{d} \sum_j \frac{\lVert X_j^T Y_j \rVert_F^2}
        {\lVert X_j^T X_j \rVert_F \lVert Y_j^T Y_j \rVert_F}

    X_j and Y_j are W_j and W_j^0 [out, in * kernel] without their means over output units: a layer's units are the
    examples, their incoming weights the features. Layers whose units are all equal at either end, such as those that
    begin at zero, have no alignment and are left out. No unit: 0 to 1. Invariant when any layer is rescaled.
    """
    ends = [[layer.matrix.double() for layer in at] for at in (layers(subject), initial_layers(subject))]
    alignments = {
        layer.name: value
        for layer, trained, initial in zip(layers(subject), *ends, strict=True)
        if (value := _alignment(trained, initial)) is not None
    }
    if not alignments:
        raise UnsupportedModelError("No layer has units that differ both at initialization and after training.")
    return Layered(1 - math.fsum(alignments.values()) / len(alignments), alignments)


@measure(source="none: the length of the path whose ends the distance joins", family="distance", needs={"trajectory"},
         cost="weights at every checkpoint", version=2)  # fmt: skip
def path_length(subject: Subject) -> float:
    r"""Euclidean length of the path of the parameters through the checkpoints.

    .. math:: \sum_t \lVert w_{t+1} - w_t \rVert_2

    Of all trained parameters, biases and norms included, as the optimizer sees them: batch norm is not folded. It is at
    least the distance between the ends, which it equals where there is no checkpoint between them and where it is
    refused, and at most the length step by step, which it reaches if every step is kept. Unit: that of a
    weight. Changes when layers are rescaled.
    """
    checkpoints = subject.trajectory.checkpoints
    if len(checkpoints) < 3:  # noqa: PLR2004  two ends and one between
        raise UnsupportedModelError(
            f"The length of the path needs at least three checkpoints, or it is a distance; got {len(checkpoints)}. "
            "Train with checkpoints."
        )
    return math.fsum(
        math.sqrt(squared_norm([after.params[name].double() - before.params[name].double() for name in subject.params]))
        for before, after in pairwise(checkpoints)
    )


def _alignment(first: Tensor, second: Tensor) -> float | None:
    """Linear centred kernel alignment of matrices [n, p], by Gram matrices over whichever dimension is smaller.

    None where all rows of either matrix are equal.
    """
    x, y = first - first.mean(0), second - second.mean(0)
    if x.norm() <= EQUAL * first.norm() or y.norm() <= EQUAL * second.norm():
        return None
    if x.shape[0] <= x.shape[1]:
        k, l = x @ x.T, y @ y.T  # noqa: E741  the letters of the paper
        across, within = torch.sum(k * l), k.norm() * l.norm()
    else:
        across, within = torch.sum((x.T @ y).square()), (x.T @ x).norm() * (y.T @ y).norm()
    return float(across / within)


def _require_nonzero(norm: float) -> float:
    if norm == 0:
        raise UnsupportedModelError("All weights are zero at initialization or after training: no ratio is defined.")
    return norm
