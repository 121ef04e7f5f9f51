"""Products of norms over the margin: bounds on the growth of logits, in units of the margin.

Each is a product of norms from `measures.catalogue.weights.norms` or `measures.catalogue.weights.spectral` over the
square of the 10th percentile of the output margins, which counts as at least 10^-3, as in `inverse_margin`: that of a
network that misclassifies more than a tenth of its training data is negative. Published code takes the absolute value,
which can rank such a network below one that fits.
"""

import math

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.outputs.margins import MARGIN_FLOOR, percentile
from measures.catalogue.weights.norms import log_product, refuse_unbounded, scaled_geometric_mean
from measures.catalogue.weights.spectral import log_weighted_product
from measures.passes.activations.outputs import margins
from measures.passes.weights.convolution_spectra import convolution_norms
from measures.passes.weights.spectra import displacement_frobenius_norms, frobenius_norms, spectral_norms
from measures.per_layer import Layered

COST = "norms and margins"


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 31", family="norm", cost=COST, version=2)
def prod_of_spec_over_margin(subject: Subject) -> float:
    r"""Logarithm of the product of squared spectral norms over the squared margin.

    .. math:: \log \left( \prod_j \lVert W_j \rVert_2^2 / \gamma^2 \right)

    Departs from the paper, which reports the product. Norms as in `prod_of_spec`, margin as in `inverse_margin`.
    Unit: nats. Invariant when ReLU layers are rescaled or logits are scaled or shifted.
    """
    refuse_unbounded(subject)
    return over_margin(subject, log_product(subject, spectral_norms(subject)))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code", family="norm", cost=COST, version=2)
def prod_of_spec_over_margin_legacy(subject: Subject) -> float:
    r"""As `prod_of_spec_over_margin`, as published: with the absolute value of the margin.

    .. math:: \log \left( \prod_j \lVert W_j \rVert_2^2 / \lvert \gamma \rvert^2 \right)

    Equal to it where at most a tenth of the examples are misclassified. Elsewhere the more negative the margin, the
    smaller the score. Unit: nats. Invariant when ReLU layers are rescaled or logits are scaled or shifted.
    """
    refuse_unbounded(subject)
    margin = abs(percentile(margins(subject)))
    if margin == 0:
        raise UnsupportedModelError("The 10th percentile of the margins is zero: the quotient is undefined.")
    product = log_product(subject, spectral_norms(subject))
    return Layered(product - 2 * math.log(margin), product.layers)


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code", family="norm", cost=COST, version=2)
def prod_of_spec_over_margin_fft(subject: Subject) -> float:
    r"""Logarithm of the product of squared spectral norms of the maps between images over the squared margin.

    .. math:: \log \left( \prod_j \max_\omega \lVert \hat{W}_j(\omega) \rVert_2^2 / \gamma^2 \right)

    Norms as in `prod_of_spec_fft`, margin as in `inverse_margin`. Unit: nats. Invariant when ReLU layers are rescaled
    or logits are scaled or shifted.
    """
    refuse_unbounded(subject)
    return over_margin(subject, log_product(subject, convolution_norms(subject)))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 34", family="norm", cost=COST, version=2)
def sum_of_spec_over_margin(subject: Subject) -> float:
    r"""Geometric mean of the squared spectral norms over the squared margin, times the number of layers.

    .. math:: d \left( \prod_j \lVert W_j \rVert_2^2 / \gamma^2 \right)^{1/d}

    Norms as in `prod_of_spec`, margin as in `inverse_margin`. Invariant when ReLU layers are rescaled or logits are
    scaled or shifted.
    """
    refuse_unbounded(subject)
    return scaled_geometric_mean(subject, spectral_norms(subject), 2 * log_margin(subject))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code", family="norm", cost=COST, version=2)
def sum_of_spec_over_margin_fft(subject: Subject) -> float:
    r"""Geometric mean of the squared norms of the maps between images over the squared margin, times the layers.

    .. math:: d \left( \prod_j \max_\omega \lVert \hat{W}_j(\omega) \rVert_2^2 / \gamma^2 \right)^{1/d}

    Departs from the published code, which reports the logarithm. Norms as in `prod_of_spec_fft`, margin as in
    `inverse_margin`. Invariant when ReLU layers are rescaled or logits are scaled or shifted.
    """
    refuse_unbounded(subject)
    return scaled_geometric_mean(subject, convolution_norms(subject), 2 * log_margin(subject))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 36", family="norm", cost=COST, version=2)
def prod_of_fro_over_margin(subject: Subject) -> float:
    r"""Logarithm of the product of squared Frobenius norms over the squared margin.

    .. math:: \log \left( \prod_j \lVert W_j \rVert_F^2 / \gamma^2 \right)

    Departs from the paper, which reports the product. Margin as in `inverse_margin`. Unit: nats. Invariant when ReLU
    layers are rescaled or logits are scaled or shifted.
    """
    refuse_unbounded(subject)
    return over_margin(subject, log_product(subject, frobenius_norms(subject)))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 38", family="norm", cost=COST, version=2)
def sum_of_fro_over_margin(subject: Subject) -> float:
    r"""Geometric mean of the squared Frobenius norms over the squared margin, times the number of layers.

    .. math:: d \left( \prod_j \lVert W_j \rVert_F^2 / \gamma^2 \right)^{1/d}

    Margin as in `inverse_margin`. Invariant when ReLU layers are rescaled or logits are scaled or shifted.
    """
    refuse_unbounded(subject)
    return scaled_geometric_mean(subject, frobenius_norms(subject), 2 * log_margin(subject))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 30", family="norm", cost=COST, version=2)
def spec_orig_main(subject: Subject) -> float:
    r"""Logarithm of the main term of the spectral bound around the origin.

    .. math:: \log \left( \frac{1}{\gamma^2} \prod_j \lVert W_j \rVert_2^2
        \sum_j \frac{\lVert W_j \rVert_F^2}{\lVert W_j \rVert_2^2} \right)

    Departs from the paper, which reports the term. Norms as in `prod_of_spec`, margin as in `inverse_margin`; of each
    layer its stable rank. Unit: nats. Invariant when ReLU layers are rescaled or logits are scaled or shifted.
    """
    refuse_unbounded(subject)
    return over_margin(subject, log_weighted_product(subject, spectral_norms(subject), frobenius_norms(subject)))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code (LOG_SPEC_ORIG_MAIN_FFT)", family="norm",
         cost=COST, version=2)  # fmt: skip
def spec_orig_main_fft(subject: Subject) -> float:
    r"""As `spec_orig_main`, with the spectral norms of the maps between images and the Frobenius norms of the kernels.

    .. math:: \log \left( \frac{1}{\gamma^2} \prod_j s_j^2 \sum_j \frac{\lVert W_j \rVert_F^2}{s_j^2} \right), \quad
        s_j = \max_\omega \lVert \hat{W}_j(\omega) \rVert_2

    Departs from the published code, which halves the logarithm after dividing by m, takes the absolute value of the
    margin, and every layer at the size of the network's input and without its stride; see `prod_of_spec_fft_legacy`.
    Unit: nats. Invariant when ReLU layers are rescaled or logits are scaled or shifted.
    """
    refuse_unbounded(subject)
    return over_margin(subject, log_weighted_product(subject, convolution_norms(subject), frobenius_norms(subject)))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 29", family="norm", needs={"init"}, cost=COST, version=2)
def spec_init_main(subject: Subject) -> float:
    r"""Logarithm of the main term of the spectral bound around initialization.

    .. math:: \log \left( \frac{1}{\gamma^2} \prod_j \lVert W_j \rVert_2^2
        \sum_j \frac{\lVert W_j - W_j^0 \rVert_F^2}{\lVert W_j \rVert_2^2} \right)

    Departs from the paper, which reports the term. Norms as in `prod_of_spec`, margin as in `inverse_margin`. Unit:
    nats. Changes when layers are rescaled.
    """
    refuse_unbounded(subject)
    moved = displacement_frobenius_norms(subject)
    return over_margin(subject, log_weighted_product(subject, spectral_norms(subject), moved))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code (LOG_SPEC_INIT_MAIN_FFT)", family="norm",
         needs={"init"}, cost=COST, version=2)  # fmt: skip
def spec_init_main_fft(subject: Subject) -> float:
    r"""As `spec_init_main`, with the spectral norms of the maps between images and the distances of the kernels.

    .. math:: \log \left( \frac{1}{\gamma^2} \prod_j s_j^2 \sum_j \frac{\lVert W_j - W_j^0 \rVert_F^2}{s_j^2} \right),
        \quad s_j = \max_\omega \lVert \hat{W}_j(\omega) \rVert_2

    Departs from the published code as `spec_orig_main_fft` does. Unit: nats. Changes when layers are rescaled.
    """
    refuse_unbounded(subject)
    moved = displacement_frobenius_norms(subject)
    return over_margin(subject, log_weighted_product(subject, convolution_norms(subject), moved))


def over_margin(subject: Subject, log_term: Layered) -> Layered:
    """The logarithm of a term over the squared margin, with what each layer gives to the term."""
    return Layered(log_term - 2 * log_margin(subject), log_term.layers)


def log_margin(subject: Subject) -> float:
    """Natural logarithm of the 10th percentile of the output margins, of at least `MARGIN_FLOOR`."""
    return math.log(max(percentile(margins(subject)), MARGIN_FLOOR))
