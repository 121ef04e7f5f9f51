"""The shape of the cloud of weights that stochastic gradient descent visits, and the tails of its noise.

The papers look at the last thousands of iterates of training itself. Here they are made anew, which any trained network
allows: see `measures.passes.perturbations.sgd_cloud`.
"""

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from measures.api import Subject, UnsupportedModelError, measure, seed_for
from measures.passes.gradients.per_sample import chunk_size, gradient_statistics, gradients_of
from measures.passes.perturbations.sgd_cloud import distances

Array = NDArray[np.float64]

ITERATES: Final = "64 gradients of one minibatch each, shared"
NUM_SIZES: Final = 7  # sizes of subsets from a quarter of the iterates to all, evenly spaced
NUM_DRAWS: Final = 8  # subsets of each size, against the chance of one
NUM_EXAMPLES: Final = 64  # of the noise: eight sums of eight
ROUNDING: Final = 100  # noise below this many machine epsilons of the mean gradient is rounding, not noise
GROUP: Final = 8  # gradients in a sum: K1, about the square root of their number (Simsekli et al. 2019)


@measure(
    source="Birdal et al. 2021, arXiv:2111.13171",
    family="topology",
    needs={"trajectory"},
    cost=ITERATES,
)
def ph_dim(subject: Subject) -> float:
    r"""Persistent homology dimension of the iterates.

    .. math:: \frac{1}{1 - b}, \quad \log E_1(m) = a + b \log m

    E_1(m) is the total length of the minimum spanning tree of m of the 64 iterates, which is the total lifetime in the
    0-th persistent homology of their Vietoris-Rips complex, on the mean of 8 draws; b is the slope of least squares
    over m = 16, 24, ..., 64. Departs from the paper in the iterates (see `measures.passes.perturbations.sgd_cloud`;
    there 200 to 1000, of training itself) and in the mean over draws. No unit; invariant to the scale of the cloud.
    """
    lengths = distances(subject)
    dimension = homology_dimension(lengths, np.random.default_rng(seed_for(subject.seed, "subsets")))
    if dimension is None:
        raise UnsupportedModelError(
            "The spanning tree of its iterates does not grow with their number as a cloud's does."
        )
    return dimension


@measure(
    source="Andreeva et al. 2024, arXiv:2407.08723 (alpha-weighted lifetime sum, alpha = 1)",
    family="topology",
    needs={"trajectory"},
    cost=ITERATES,
)
def e_alpha(subject: Subject) -> float:
    r"""Total lifetime in the 0-th persistent homology of the iterates: the length of their minimum spanning tree.

    .. math:: E_1 = \sum_{(s, t) \in \mathrm{MST}} \lVert w_s - w_t \rVert_2

    Departs from the paper in the iterates, there 5000 of training itself. Unit: that of the weights.
    """
    return float(spanning_tree(distances(subject)).sum())


@measure(
    source="Andreeva et al. 2024, arXiv:2407.08723 (positive magnitude at scale sqrt n)",
    family="topology",
    needs={"trajectory"},
    cost=ITERATES,
)
def magnitude(subject: Subject) -> float:
    r"""Positive magnitude of the iterates: how many points they are at the scale of one over the square root of n.

    .. math:: \sum_t \max(0, \beta_t), \quad Z \beta = 1, \quad Z_{st} = e^{-\sqrt{n} \lVert w_s - w_t \rVert_2}

    with n training examples. Departs from the paper in the iterates, there 5000 of training itself. No unit: between 1,
    all in one place, and 64, all far apart.
    """
    return positive_magnitude(distances(subject), math.sqrt(subject.num_examples))


@measure(
    source="Simsekli et al. 2019, arXiv:1901.06053; Mohammadi et al. 2015, corollary 2.4",
    family="topology",
    cost="per-sample gradients (shared), and those of 64 examples",
)
def tail_index(subject: Subject) -> float:
    r"""Tail index of the noise of single gradients as if they had a stable law: 2 for Gaussian, less for heavier tails.

    .. math:: 1 / \alpha = \frac{1}{\log 8} \Big( \frac{1}{8} \sum_{j=1}^{8} \log \lVert Y_j \rVert_2
        - \frac{1}{64} \sum_{i=1}^{64} \log \lVert X_i \rVert_2 \Big)

    X_i = g_i - g at 64 training examples, g the mean over all, and Y_j the sums of eight X_i each: sums of m variables
    of a stable law are m^(1 / alpha) times as large. Departs from the papers, which look at minibatches along training:
    these are single examples at its end. No unit; may leave (0, 2] where the noise has no stable law.
    """
    mean = torch.cat([part.flatten() for part in gradient_statistics(subject).mean.values()]).double()
    count = min(NUM_EXAMPLES, subject.num_examples) // GROUP * GROUP
    if count < 2 * GROUP:
        raise UnsupportedModelError(
            f"Sums of {GROUP} gradients take {2 * GROUP} examples; it has {subject.num_examples}."
        )
    chosen = subject.sample(count)
    rounding = ROUNDING * torch.finfo(subject.dtype).eps * float(mean.norm())
    single, summed = [], []
    step = max(1, chunk_size(subject) // GROUP) * GROUP
    for part in chosen.split(step):
        pieces = gradients_of(
            subject, torch.nn.functional.cross_entropy, subject.inputs[part], subject.labels[part]
        ).values()
        noise = torch.cat([piece.reshape(len(part), -1) for piece in pieces], 1).double() - mean
        norms = noise.norm(dim=1)
        single.append(norms.where(norms > rounding, 0.0))
        summed.append(noise.reshape(-1, GROUP, noise.shape[1]).sum(1).norm(dim=1))
    return stable_index(torch.cat(single).cpu().numpy(), torch.cat(summed).cpu().numpy(), GROUP)


def stable_index(single: Array, summed: Array, group: int) -> float:
    """Mohammadi's alpha from the norms of variables and of their sums by `group`.

    Raises:
        UnsupportedModelError: a norm of zero, or sums that are no larger than their parts.
    """
    if not (single.all() and summed.all()):
        raise UnsupportedModelError("The noise of its gradient is zero at some training example: no law has that.")
    growth = float((np.log(summed).mean() - np.log(single).mean()) / math.log(group))
    if growth <= 0:
        raise UnsupportedModelError(f"Sums of its gradient noise are no larger than the noise: growth {growth:.3g}.")
    return 1 / growth


def spanning_tree(lengths: Array) -> Array:
    """Lengths [m - 1] of the edges of the minimum spanning tree of distances [m, m]."""
    edges: Array = linkage(squareform(lengths, checks=False), "single")[:, 2]  # merges of single linkage are its edges
    return edges


def homology_dimension(lengths: Array, generator: np.random.Generator) -> float | None:
    """The dimension by the growth of the spanning tree of distances [m, m], or None where there is none."""
    m = len(lengths)
    sizes = np.linspace(m // 4, m, NUM_SIZES).round().astype(int)
    totals = []
    for size in sizes:
        draws = [generator.permutation(m)[:size] for _ in range(NUM_DRAWS if size < m else 1)]
        totals.append(np.mean([spanning_tree(lengths[np.ix_(draw, draw)]).sum() for draw in draws]))
    if min(totals) <= 0:
        return None
    slope = float(np.polyfit(np.log(sizes), np.log(totals), 1)[0])
    return 1 / (1 - slope) if slope < 1 else None


def positive_magnitude(lengths: Array, scale: float) -> float:
    """Sum of the positive weights of the metric space of distances [m, m] times `scale`."""
    similarity = np.exp(-scale * lengths)
    weights = np.linalg.lstsq(similarity, np.ones(len(lengths)), rcond=None)[0]
    return float(weights[weights > 0].sum())
