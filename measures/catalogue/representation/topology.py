"""Topology of the weights that stochastic gradient descent visits, and the tail index of its noise.

The papers use the last thousands of iterates of training. Here descent is continued from the trained weights, which
works for any trained network: see `measures.passes.perturbations.sgd_cloud`.
"""

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform

from measures.api import Subject, UnsupportedModelError, measure, seed_for
from measures.catalogue.gradients.gradients import random_groups
from measures.passes.gradients.tangents import gradient_pairs
from measures.passes.perturbations.sgd_cloud import descents, distances

Array = NDArray[np.float64]

ITERATES: Final = "8 descents of 32 gradients of one minibatch each, shared"
NUM_SIZES: Final = 7  # sizes of subsets from a quarter of the iterates to all, evenly spaced
NUM_DRAWS: Final = 2  # subsets of each size of each cloud
ROUNDING: Final = 100  # noise below this many machine epsilons of the mean gradient is rounding, not noise
GROUP: Final = 8  # gradients in a sum: K1, about the square root of their number (Simsekli et al. 2019)


@measure(
    source="Birdal et al. 2021, arXiv:2111.13171",
    family="topology",
    needs={"trajectory"},
    cost=ITERATES,
    version=2,
)
def ph_dim(subject: Subject) -> float:
    r"""Persistent homology dimension of the iterates.

    .. math:: \frac{1}{1 - b}, \quad \log E_1(m) = a + b \log m

    E_1(m) is the total length of the minimum spanning tree of m of the 32 iterates, which is the total lifetime in the
    0-th persistent homology of their Vietoris-Rips complex, on the mean of 8 descents and 2 draws from each; b is the
    slope of least squares over m = 8, 12, ..., 32. Departs from the paper in the iterates (see
    `measures.passes.perturbations.sgd_cloud`; there 200 to 1000, of training itself) and in the mean over draws. No
    unit; invariant to the scale of the cloud.
    """
    clouds = distances(subject)
    dimension = homology_dimension(clouds, np.random.default_rng(seed_for(subject.seed, "subsets")))
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
    version=2,
)
def e_alpha(subject: Subject) -> float:
    r"""Total lifetime in the 0-th persistent homology of the iterates: the length of their minimum spanning tree.

    .. math:: E_1 = \sum_{(s, t) \in \mathrm{MST}} \lVert w_s - w_t \rVert_2

    Departs from the paper in the iterates, there 5000 of training itself, and in the mean over 8 descents. Unit: that
    of the weights.
    """
    return float(np.mean([spanning_tree(lengths).sum() for lengths in distances(subject)]))


@measure(
    source="Dupuis et al. 2023, arXiv:2302.02766 (pseudo-metric of losses); Andreeva et al. 2024, arXiv:2407.08723",
    family="topology",
    needs={"trajectory"},
    cost=ITERATES,
)
def e_alpha_loss(subject: Subject) -> float:
    r"""Total lifetime in the 0-th persistent homology of the iterates in the distance of their losses.

    .. math:: \sum_{(s, t) \in \mathrm{MST}} \rho(w_s, w_t), \quad
        \rho(w, w') = \frac{1}{n} \sum_i |l_i(w) - l_i(w')|

    with the cross-entropies l_i at n = min(m, 128) training examples: `e_alpha` under a pseudo-metric that sees no
    direction along which no loss changes, which spares the bound of the source a Lipschitz constant. As there, the
    bound grows with it: hence the sign. Departs from the papers in the iterates, every fourth of 32 of 2 descents (see
    `measures.passes.perturbations.sgd_cloud`), where they have thousands of training itself and all examples. Unit:
    nats.
    """
    losses = descents(subject).losses
    return float(np.mean([spanning_tree(loss_distances(chain)).sum() for chain in losses]))


def loss_distances(losses: Array) -> Array:
    """Mean absolute differences [m, m] of the losses [m, n] of m networks."""
    found: Array = np.abs(losses[:, None] - losses[None, :]).mean(2)
    return found


@measure(
    source="Andreeva et al. 2024, arXiv:2407.08723 (positive magnitude at scale sqrt n)",
    family="topology",
    needs={"trajectory"},
    cost=ITERATES,
    version=2,
)
def magnitude(subject: Subject) -> float:
    r"""Positive magnitude of the iterates: how many points they are at the scale of one over the square root of n.

    .. math:: \sum_t \max(0, \beta_t), \quad Z \beta = 1, \quad Z_{st} = e^{-\sqrt{n} \lVert w_s - w_t \rVert_2}

    with n training examples. Departs from the paper in the iterates, there 5000 of training itself, and in the mean
    over 8 descents. The noise of the draws is about a third of the spread between networks trained on digits. No unit:
    between 1, all in one place, and 32, all far apart.
    """
    scale = math.sqrt(subject.num_examples)
    return float(np.mean([positive_magnitude(lengths, scale) for lengths in distances(subject)]))


@measure(
    source="Simsekli et al. 2019, arXiv:1901.06053; Mohammadi et al. 2015, corollary 2.4",
    family="topology",
    cost="shared inner products of 400 gradients",
    version=2,
)
def tail_index(subject: Subject) -> float:
    r"""Tail index of the noise of single gradients as if they had a stable law: 2 for Gaussian, less for heavier tails.

    .. math:: 1 / \alpha = \frac{1}{\log 8} \Big( \mathrm{mean}_j \log \lVert Y_j \rVert_2
        - \frac{1}{s} \sum_{i=1}^{s} \log \lVert X_i \rVert_2 \Big)

    X_i = g_i - g at s = min(n, 400) training examples, g their mean, and Y_j the sums of eight X_i each: sums of m
    variables of a stable law are m^(1 / alpha) times as large. The mean is over 64 random divisions of the examples
    into groups of eight. Departs from the papers, which look at minibatches along training: these are single examples
    at its end. No unit; may leave (0, 2] where the noise has no stable law.
    """
    gram = gradient_pairs(subject).gram
    groups = len(gram) // GROUP
    if groups < 2:  # noqa: PLR2004  with a single group the sum of all is zero
        raise UnsupportedModelError(f"It needs at least {2 * GROUP} training examples; it has {subject.num_examples}.")
    centred = gram - gram.mean(0) - gram.mean(1, keepdim=True) + gram.mean()
    rounding = ROUNDING * torch.finfo(subject.dtype).eps * gram.mean().clamp_min(0)
    single = centred.diagonal()
    members = random_groups(subject, len(gram), GROUP, groups)
    summed = ((members @ centred) * members).sum(2)
    squares = [values.where(values > rounding, 0.0).sqrt() for values in (single, summed.flatten())]
    return stable_index(squares[0].cpu().numpy(), squares[1].cpu().numpy(), GROUP)


def stable_index(single: Array, summed: Array, group: int) -> float:
    """Mohammadi's alpha from the norms of variables and of their sums by `group`.

    Raises:
        UnsupportedModelError: a norm of zero, or sums that are no larger than their parts.
    """
    if not (single.all() and summed.all()):
        raise UnsupportedModelError("The gradient noise is zero at some training example.")
    growth = float((np.log(summed).mean() - np.log(single).mean()) / math.log(group))
    if growth <= 0:
        raise UnsupportedModelError(f"Sums of its gradient noise are no larger than the noise: growth {growth:.3g}.")
    return 1 / growth


def spanning_tree(lengths: Array) -> Array:
    """Lengths [m - 1] of the edges of the minimum spanning tree of distances [m, m]."""
    edges: Array = linkage(squareform(lengths, checks=False), "single")[:, 2]  # merges of single linkage are its edges
    return edges


def homology_dimension(clouds: Array, generator: np.random.Generator) -> float | None:
    """The dimension by the growth of the spanning trees of distances [chains, m, m], or None where there is none."""
    m = clouds.shape[-1]
    sizes = np.linspace(m // 4, m, NUM_SIZES).round().astype(int)
    totals = []
    for size in sizes:
        draws = [(lengths, generator.permutation(m)[:size]) for lengths in clouds for _ in range(NUM_DRAWS)]
        totals.append(np.mean([spanning_tree(lengths[np.ix_(draw, draw)]).sum() for lengths, draw in draws]))
    if min(totals) <= 0:
        return None
    slope = float(np.polyfit(np.log(sizes), np.log(totals), 1)[0])
    return 1 / (1 - slope) if slope < 1 else None


def positive_magnitude(lengths: Array, scale: float) -> float:
    """Sum of the positive weights of the metric space of distances [m, m] times `scale`."""
    similarity = np.exp(-scale * lengths)
    weights = np.linalg.lstsq(similarity, np.ones(len(lengths)), rcond=None)[0]
    return float(weights[weights > 0].sum())
