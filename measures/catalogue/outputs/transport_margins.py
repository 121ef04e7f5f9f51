r"""Margins over the k-variance of the features: how far apart two random halves of a class lie.

.. math:: V_c = \mathbb{E} \min_\pi \frac{1}{k} \sum_{a=1}^{k} \lVert h(x_a) - h(x'_{\pi(a)}) \rVert_2, \quad
    k = \lfloor n_c / 2 \rfloor

is the cost of optimal transport between two disjoint random sets of k of the n_c examples of class c, averaged over 8
draws, with h the flattened activation at a layer; w_c is the share of class c among the examples. Of min(m, 256)
training examples; a class of which there is only one is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure, seed_for, shared
from measures.passes.activations.bottlenecks import hidden_bottlenecks
from measures.passes.activations.features import FLOW_EXAMPLES, flow, sample_examples
from measures.passes.activations.geometry import layer_distances

Layer = Literal["first", "last"]

SOURCE: Final = "Chuang et al. 2021, arXiv:2106.03314, published code"
COST: Final = "shared forward and 2 backward passes on 256 examples, and their distances at every layer"
GRADIENT_FLOOR: Final = 1e-6  # added to gradient norms, as in the published code
PLACES: Final[Mapping[Layer, int]] = {"first": 1, "last": -1}  # among the bottlenecks
NUM_DRAWS: Final = 8  # of halves of each class: the published code has one


@measure(source=f"{SOURCE} (kV-margin, first layer)", family="margin", expected_sign=-1, cost=COST)
def kv_margin_first(subject: Subject) -> float:
    r"""Median margin over the k-variance after the first layer, with a Lipschitz constant for each class.

    .. math:: \frac{\mathrm{median}_i\, \gamma(x_i)}{\sum_c w_c V_c L_c}, \quad
        L_c = \max_{i : y_i = c} \lVert \nabla_h \gamma(x_i) \rVert_2

    gamma is the correct logit minus the best other. The paper's bound on the error falls in this ratio, hence the
    sign. Departs from the published code, whose features are those before its second or third layer, in the number of
    draws and examples. No unit. Invariant when ReLU layers are rescaled, when logits are scaled, and when a constant is
    added to them.
    """
    return _kv_margin(subject, "first")


@measure(source=f"{SOURCE} (kV-margin, deep layer)", family="margin", expected_sign=-1, cost=COST)
def kv_margin_last(subject: Subject) -> float:
    """As `kv_margin_first`, with the features that go into the last layer or block."""
    return _kv_margin(subject, "last")


@measure(source=f"{SOURCE} (kV-GN-margin, first layer)", family="margin", expected_sign=-1, cost=COST)
def kv_gn_margin_first(subject: Subject) -> float:
    r"""Median of the margins over their gradients, over the k-variance after the first layer.

    .. math:: \frac{\mathrm{median}_i\, \gamma(x_i) / (\lVert \nabla_h \gamma(x_i) \rVert_2 + 10^{-6})}
        {\sum_c w_c V_c}

    gamma is the correct logit minus the best other. As in `kv_margin_first`, with a Lipschitz constant at each example
    instead of each class. No unit. Nearly invariant when ReLU layers are rescaled and when logits are scaled.
    """
    return _kv_gn_margin(subject, "first")


@measure(source=f"{SOURCE} (kV-GN-margin, deep layer)", family="margin", expected_sign=-1, cost=COST)
def kv_gn_margin_last(subject: Subject) -> float:
    """As `kv_gn_margin_first`, with the features that go into the last layer or block."""
    return _kv_gn_margin(subject, "last")


def _kv_margin(subject: Subject, which: Layer) -> float:
    found, halves = flow(subject), k_variances(subject)
    slopes = found.margin_gradients[PLACES[which]].double().sqrt()
    largest = torch.stack([slopes[mine].max() for mine in halves.members])
    return _over(found.margins.double(), halves.variances[which] * largest, halves.shares)


def _kv_gn_margin(subject: Subject, which: Layer) -> float:
    found, halves = flow(subject), k_variances(subject)
    slopes = found.margin_gradients[PLACES[which]].double().sqrt()
    return _over(found.margins.double() / (slopes + GRADIENT_FLOOR), halves.variances[which], halves.shares)


def _over(margins: Tensor, by_class: Tensor, shares: Tensor) -> float:
    scale = float(by_class @ shares)
    if scale == 0:
        raise UnsupportedModelError("Its features or margins do not vary within any class.")
    return float(margins.quantile(0.5)) / scale


@dataclass(frozen=True, slots=True)
class KVariances:
    """The classes that have at least two examples.

    Attributes:
        variances: V_c [classes] by layer, in float64.
        shares: w_c [classes].
        members: of each class, the places of its examples in the sample.
    """

    variances: Mapping[Layer, Tensor]
    shares: Tensor
    members: list[Tensor]


@shared
def k_variances(subject: Subject) -> KVariances:
    """The k-variance of each class of the examples of `flow`.

    Raises:
        UnsupportedModelError: no class has two examples, or there is no hidden layer.
    """
    hidden_bottlenecks(subject)
    labels = sample_examples(subject, FLOW_EXAMPLES).labels
    members = [mine for label in labels.unique() if len(mine := (labels == label).nonzero().squeeze(1)) > 1]
    if not members:
        raise UnsupportedModelError("It needs two examples of some class.")
    generator = torch.Generator().manual_seed(seed_for(subject.seed, "halves of the classes"))
    draws = [[mine.cpu()[torch.randperm(len(mine), generator=generator)] for _ in range(NUM_DRAWS)] for mine in members]
    variances = {}
    for which, place in PLACES.items():
        gaps = layer_distances(subject)[place].cpu()
        means = [sum(transport_cost(gaps, order) for order in orders) / NUM_DRAWS for orders in draws]
        variances[which] = labels.new_tensor(means, dtype=torch.float64)
    sizes = labels.new_tensor([len(mine) for mine in members], dtype=torch.float64)
    return KVariances(variances, sizes / sizes.sum(), members)


def transport_cost(gaps: Tensor, order: Tensor) -> float:
    """Mean distance of the best matching of the first half of `order` [n] with the second, by distances [m, m]."""
    k = len(order) // 2
    between = gaps[order[:k]][:, order[k : 2 * k]].numpy()
    return float(between[linear_sum_assignment(between)].mean())
