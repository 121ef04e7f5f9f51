"""Generalization bounds from products of norms, without constants and additive logarithms.

The quantities that Neyshabur et al. 2019 compare (arXiv:1805.12076, and their published code): bounds on the loss at
margin gamma, of which everything is kept that depends on the network or on the number of examples m. All are natural
logarithms, because the products overflow, and all leave out the norms of the inputs. The margin is the 10th percentile
of the output margins, counted as at least 10^-3, as in `inverse_margin`. Weights have batch norm folded in; a
convolution is its reshaped kernel [out, in * kernel], and h_j its number of outputs.
"""

import math

import torch

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.weights.norms import refuse_unbounded, sum_by_layer
from measures.catalogue.weights.over_margin import log_margin
from measures.passes.weights.folding import layers
from measures.passes.weights.spectra import (
    displacement_frobenius_norms,
    displacements,
    require_positive,
    singular_values,
    spectral_norms,
)
from measures.per_layer import Layered

COST = "norms and margins"


@measure(source="Bartlett et al. 2017, arXiv:1706.08498, thm 1.1", family="norm", needs={"init"}, cost=COST, version=2)
def bartlett_spec(subject: Subject) -> float:
    r"""Logarithm of the spectrally normalized margin bound.

    .. math:: \log \left[ \frac{\ln(m) \ln(P)}{\gamma \sqrt{m}} \prod_j \lVert W_j \rVert_2
        \left( \sum_j \left( \frac{\lVert (W_j - W_j^0)^T \rVert_{2,1}}{\lVert W_j \rVert_2} \right)^{2/3} \right)^{3/2}
        \right]

    The (2,1)-norm is the sum over output units of the Euclidean norms of their weights; P counts the parameters.
    Departs from the theorem as in the comparison of Neyshabur et al.: its logarithm is of the width, and it multiplies
    by the norm of the data. Initialization is the reference. Layers: the terms of the inner sum. Unit: nats. Changes
    when layers are rescaled.
    """
    refuse_unbounded(subject)
    norms = spectral_norms(subject)
    moved = torch.stack([w.flatten(1).norm(dim=1).sum() for w in displacements(subject)])
    terms = sum_by_layer(subject, (moved / norms) ** (2 / 3))
    if subject.num_examples == 1:
        raise UnsupportedModelError("The bound has the factor ln(m), which is zero for one example; pass at least two.")
    num_params = sum(value.numel() for value in subject.params.values())
    factor = math.log(math.log(subject.num_examples) * math.log(num_params))
    return _evaluate_bound(subject, float(norms.log().sum()) + factor, terms, 3 / 2)


@measure(source="Neyshabur et al. 2018, arXiv:1707.09564, thm 1", family="norm", needs={"init"}, cost=COST, version=2)
def neyshabur_spec_fro(subject: Subject) -> float:
    r"""Logarithm of the PAC-Bayesian spectrally normalized bound.

    .. math:: \log \left[ \frac{d}{\gamma \sqrt{m}} \prod_j \lVert W_j \rVert_2
        \left( \sum_j h_j \frac{\lVert W_j - W_j^0 \rVert_F^2}{\lVert W_j \rVert_2^2} \right)^{1/2} \right]

    Departs from the theorem as in the comparison of Neyshabur et al. 2019: the distance is from initialization, each
    layer has its own h_j and not the largest, and the data's norm and ln(d h) are left out. Layers: the terms of the
    inner sum. Unit: nats. Changes when layers are rescaled.
    """
    refuse_unbounded(subject)
    norms, moved = spectral_norms(subject), displacement_frobenius_norms(subject)
    outputs = torch.tensor([len(layer.weight) for layer in layers(subject)], device=norms.device)
    terms = sum_by_layer(subject, outputs * (moved / norms).square())
    return _evaluate_bound(subject, float(norms.log().sum()) + math.log(len(norms)), terms, 1 / 2)


@measure(
    source="Bartlett & Mendelson 2002; Golowich et al. 2018, arXiv:1712.06541, thm 2",
    family="norm",
    cost=COST,
    version=2,
)
def l1_inf(subject: Subject) -> float:
    r"""Logarithm of the bound by the largest l1-norm of a unit's weights.

    .. math:: \log \left[ \frac{\sqrt{d + \ln(D)}}{\gamma \sqrt{m}} \prod_j \max_a \sum_b \lvert W_{j,ab} \rvert \right]

    D is the number of numbers in an input. Layers: the logarithms of the factors. Unit: nats. Invariant when
    ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    norms = torch.stack([layer.matrix.double().abs().sum(1).amax() for layer in layers(subject)])
    product = sum_by_layer(subject, require_positive(subject, norms).log())
    factor = math.log(len(norms) + math.log(subject.inputs[0].numel())) / 2
    return Layered(product + factor - math.log(subject.num_examples) / 2 - log_margin(subject), product.layers)


@measure(source="Neyshabur et al. 2015, arXiv:1503.00036, thm 1", family="norm", cost=COST, version=2)
def l3_1_5(subject: Subject) -> float:
    r"""Logarithm of the bound by the l1.5-norm over units of the l3-norms of their weights.

    .. math:: \log \left[ \frac{1}{\gamma m^{1/3}} \prod_j
        \left( \sum_a \left( \sum_b \lvert W_{j,ab} \rvert^3 \right)^{1.5 / 3} \right)^{1 / 1.5} \right]

    With p = 3 the bound falls as m^(-1/3) and does not depend on the width. Departs from the theorem as in the
    comparison of Neyshabur et al. 2019, without its factor 2^(d-1). Layers: the logarithms of the factors. Unit: nats.
    Invariant when ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    norms = torch.stack([layer.matrix.double().norm(p=3, dim=1).norm(p=1.5) for layer in layers(subject)])
    product = sum_by_layer(subject, require_positive(subject, norms).log())
    return Layered(product - math.log(subject.num_examples) / 3 - log_margin(subject), product.layers)


@measure(
    source="Neyshabur et al. 2019, arXiv:1805.12076, published code (Trace norm)", family="norm", cost=COST, version=2
)
def trace_norm(subject: Subject) -> float:
    r"""Logarithm of the product of the layers' trace norms over the margin.

    .. math:: \log \left[ \frac{1}{\gamma} \prod_j \lVert W_j \rVert_* \right], \quad
        \lVert W \rVert_* = \sum_i \sigma_i(W)

    Layers: the logarithms of the factors. Unit: nats. Invariant when ReLU layers are rescaled or logits are scaled or
    shifted.
    """
    refuse_unbounded(subject)
    norms = torch.stack([values.sum() for values in singular_values(subject)])
    product = sum_by_layer(subject, require_positive(subject, norms).log())
    return Layered(product - log_margin(subject), product.layers)


def _evaluate_bound(subject: Subject, log_factors: float, terms: Layered, power: float) -> Layered:
    """The logarithm of factors times a sum of terms to this power, over the margin and the root of m."""
    if float(terms) == 0:
        raise UnsupportedModelError("All weights are equal to those at initialization, so that the bound is log 0.")
    log_sum = power * math.log(terms)
    return Layered(log_factors + log_sum - log_margin(subject) - math.log(subject.num_examples) / 2, terms.layers)
