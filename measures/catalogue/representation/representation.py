"""Class clusters, rank and intrinsic dimension of the features."""

import math
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.bottlenecks import hidden_bottlenecks
from measures.passes.activations.features import features

RANK_TOLERANCE: Final = 1e-4  # singular values below it, relative to the largest, are rounding errors of float32
DISCARDED: Final = 0.1  # of the largest distance ratios, which outliers make; Facco et al. 2017
MIN_NEIGHBOURS: Final = 10  # examples below which a distribution of distance ratios says nothing
COST: Final = "shared forward pass on 400 examples"


@measure(
    source="Natekar & Sharma 2020, arXiv:2012.02775, sec. 3.1; Davies & Bouldin 1979",
    family="representation",
    cost=COST,
    version=2,
)
def davies_bouldin(subject: Subject) -> float:
    r"""Davies-Bouldin index of the classes among the features after the first layer.

    .. math:: \frac{1}{K'} \sum_k \max_{l \ne k} \frac{s_k + s_l}{\lVert \mu_k - \mu_l \rVert_2}, \quad
        s_k = \frac{1}{n_k} \sum_{i : y_i = k} \lVert h(x_i) - \mu_k \rVert_2

    h is what goes into the second layer or first block, max-pooled over windows of 4 by 4 where it is maps; mu_k the
    mean of class k, of which K' occur. Of min(m, 400) training examples at once, where the paper averages over batches
    of 120. No unit. Invariant when ReLU layers are rescaled and when units are renamed.
    """
    hidden_bottlenecks(subject)
    found = features(subject)
    assert found.first is not None  # noqa: S101  there is a hidden place
    means, spread, _ = _classes(found.first, found.labels, squared=False)
    ratio = (spread[:, None] + spread) / _apart(means)
    return float(ratio.fill_diagonal_(0).amax(1).mean())


@measure(source="Galanti et al. 2022, arXiv:2112.15121, sec. 2 (class-distance normalized variance)",
         family="representation", cost=COST, version=2)  # fmt: skip
def cdnv(subject: Subject) -> float:
    r"""Class-distance normalised variance of the penultimate features, averaged over pairs of classes.

    .. math:: \frac{1}{K'(K'-1)} \sum_{k \ne l} \frac{v_k + v_l}{2 \lVert \mu_k - \mu_l \rVert_2^2}, \quad
        v_k = \frac{1}{n_k} \sum_{i : y_i = k} \lVert h(x_i) - \mu_k \rVert_2^2

    h is what goes into the last layer. Of min(m, 400) training examples. No unit. Invariant when ReLU layers are
    rescaled and when units are renamed.
    """
    found = features(subject)
    means, variance, _ = _classes(found.penultimate, found.labels, squared=True)
    ratio = (variance[:, None] + variance) / (2 * _apart(means).square())
    count = len(means)
    return float(ratio.fill_diagonal_(0).sum()) / (count * (count - 1))


@measure(source="Papyan et al. 2020, arXiv:2008.08186, sec. 2 (NC1, as in its figure 6)", family="representation",
         cost=COST, version=2)  # fmt: skip
def nc1(subject: Subject) -> float:
    r"""Within-class covariance of the penultimate features relative to that of the class means.

    .. math:: \frac{1}{K'} \mathrm{tr} \left( \Sigma_W \Sigma_B^{+} \right), \quad
        \Sigma_W = \frac{1}{n} \sum_i (h_i - \mu_{y_i})(h_i - \mu_{y_i})^T, \quad
        \Sigma_B = \frac{1}{K'} \sum_k (\mu_k - \mu)(\mu_k - \mu)^T

    mu is the mean of the class means; the pseudo-inverse keeps directions in which the class means spread by more than
    10^-4 of their largest spread. Of min(m, 400) training examples and the K' classes among them. No unit. Invariant
    when ReLU layers are rescaled and when units are renamed.
    """
    found = features(subject)
    means, _, residuals = _classes(found.penultimate, found.labels, squared=True)
    centred = (means - means.mean(0)) / math.sqrt(len(means))
    _, values, directions = torch.linalg.svd(centred, full_matrices=False)
    if values[0] == 0:
        raise UnsupportedModelError("The means of all classes coincide among the penultimate features.")
    kept = values > RANK_TOLERANCE * values[0]
    coordinates = residuals @ directions[kept].T / values[kept]
    return float(coordinates.square().sum()) / (len(residuals) * len(means))


@measure(source="Roy & Vetterli 2007, EUSIPCO, definition 1", family="representation", cost=COST, version=2)
def feature_effective_rank(subject: Subject) -> float:
    r"""Effective rank of the matrix of penultimate features.

    .. math:: \exp \left( - \sum_j q_j \log q_j \right), \quad q_j = \sigma_j / \sum_l \sigma_l

    sigma_j are the singular values of the matrix of min(m, 400) examples by features, not centred. No unit, from 1 to
    the number of features. Invariant when ReLU layers are rescaled and when units are renamed.
    """
    values = torch.linalg.svdvals(features(subject).penultimate.double())
    if values[0] == 0:
        raise UnsupportedModelError("All penultimate features are zero.")
    q = values / values.sum()
    return math.exp(float(torch.special.entr(q).sum()))


@measure(
    source="Ansuini et al. 2019, arXiv:1905.12784; Facco et al. 2017, doi:10.1038/s41598-017-11873-y (TwoNN)",
    family="representation",
    cost=COST,
    version=2,
)
def intrinsic_dimension(subject: Subject) -> float:
    r"""Intrinsic dimension of the penultimate features by the distances to the two nearest neighbours.

    .. math:: d = \frac{\sum_i \log \mu_{(i)} \cdot (- \log (1 - i / n))}{\sum_i \log^2 \mu_{(i)}}, \quad
        \mu = r_2 / r_1

    The slope through the origin of the empirical distribution of the ordered ratios mu_(i), without the largest tenth.
    Of min(m, 400) training examples without those that coincide with another. No unit. Invariant when ReLU layers are
    rescaled and when units are renamed.
    """
    points = features(subject).penultimate.double()
    gaps = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(math.inf)
    if len(points) >= MIN_NEIGHBOURS:
        nearest = gaps.topk(2, largest=False).values
        ratios = (nearest[:, 1] / nearest[:, 0])[nearest[:, 0] > 0].log().sort().values
        if len(ratios) >= MIN_NEIGHBOURS and ratios.any():
            return two_nn_slope(ratios)
    raise UnsupportedModelError(f"Fewer than {MIN_NEIGHBOURS} examples have distinct penultimate features.")


def two_nn_slope(log_ratios: Tensor) -> float:
    """Slope through the origin of -log(1 - i / n) over ordered logarithms of distance ratios [n], without the top."""
    n = len(log_ratios)
    kept = n - math.ceil(DISCARDED * n)
    x = log_ratios[:kept]
    y = -torch.log1p(-torch.arange(1, kept + 1, dtype=x.dtype, device=x.device) / n)
    return float((x @ y) / (x @ x))


def _classes(points: Tensor, labels: Tensor, *, squared: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Means [k, d], mean distances (or their squares) from them [k], and what is left without them [n, d], in float64.

    Raises:
        UnsupportedModelError: fewer than two classes occur.
    """
    points = points.double()
    names, place, counts = labels.unique(return_inverse=True, return_counts=True)
    if len(names) < 2:  # noqa: PLR2004  a class and another
        raise UnsupportedModelError("It needs examples of at least two classes; all have the same label.")
    means = points.new_zeros(len(names), points.shape[1]).index_add(0, place, points) / counts[:, None]
    residuals = points - means[place]
    distances = residuals.square().sum(1) if squared else residuals.norm(dim=1)
    return means, points.new_zeros(len(names)).index_add(0, place, distances) / counts, residuals


def _apart(means: Tensor) -> Tensor:
    """Distances of class means [k, k], infinity on the diagonal.

    Raises:
        UnsupportedModelError: two of them coincide.
    """
    gaps = torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist").fill_diagonal_(math.inf)
    if not gaps.all():
        raise UnsupportedModelError("The means of two classes coincide among its features.")
    return gaps
