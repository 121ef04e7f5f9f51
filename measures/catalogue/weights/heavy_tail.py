"""Heavy-tailed spectra: shapes of the distributions of the layers' singular values, without any data.

After Martin & Mahoney: the eigenvalues lambda of W^T W of each layer's matrix [out, in * kernel] with batch norm
folded in, compared with a power law and with a random matrix. Departs from WeightWatcher, their program, in three ways.
It cuts a convolution into one matrix for each position of the kernel; here it is one matrix. It skips layers of fewer
than 50 eigenvalues; here they are pooled, each layer's divided by their mean, and share one exponent, because layers of
small networks have no more (`measures.passes.weights.power_laws`). And it discards exponents above 8, which are not
heavy-tailed; here none is discarded, so that every network has a score. Logarithms are to base 10, as in the
papers.
"""

import math
from collections.abc import Mapping

import numpy as np

from measures.api import Subject, measure
from measures.passes.weights.folding import layers
from measures.passes.weights.marchenko_pastur import Values, bulk_variance, edge, threshold
from measures.passes.weights.power_laws import PowerLaw, eigenvalues, power_laws
from measures.passes.weights.spectra import randomized_singular_values, singular_values, spectral_norms
from measures.per_layer import Layered

SPECTRA = "1 decomposition a layer"
RANDOMIZED = "17 decompositions a layer, fewer where it is large"


@measure(source="Martin & Mahoney 2021, arXiv:1810.01075; WeightWatcher (alpha)", family="heavy_tail",
         cost=SPECTRA, weights_only=True, version=2)  # fmt: skip
def ww_alpha(subject: Subject) -> float:
    r"""Mean exponent of the power laws of the layers' spectra.

    .. math:: \frac{1}{d} \sum_j \alpha_j, \quad p_j(\lambda) \sim \lambda^{-\alpha_j}

    Fitted by Clauset et al.; smaller is heavier. No unit. Invariant when any layer is rescaled.
    """
    return _mean({name: law.alpha for name, law in power_laws(subject).items()})


@measure(source="Martin et al. 2021, arXiv:2002.06716 (weighted alpha)", family="heavy_tail",
         cost=SPECTRA, weights_only=True, version=2)  # fmt: skip
def ww_alpha_weighted(subject: Subject) -> float:
    r"""Mean exponent, each weighted by the logarithm of the largest eigenvalue.

    .. math:: \frac{1}{d} \sum_j \alpha_j \log_{10} \lambda_{j,\max}

    Changes when layers are rescaled by factors whose weighted logarithms do not cancel.
    """
    spectra = _spectra(subject)
    return _mean({name: law.alpha * math.log10(spectra[name].max()) for name, law in power_laws(subject).items()})


@measure(source="Martin et al. 2021, arXiv:2002.06716 (log alpha-norm)", family="heavy_tail",
         cost=SPECTRA, weights_only=True, version=2)  # fmt: skip
def ww_log_alpha_norm(subject: Subject) -> float:
    r"""Mean logarithm of the Schatten norms whose power is the exponent.

    .. math:: \frac{1}{d} \sum_j \log_{10} \sum_i \lambda_{j,i}^{\alpha_j}

    Over all nonzero eigenvalues of a layer. Changes when layers are rescaled by factors whose weighted logarithms do
    not cancel.
    """
    spectra = _spectra(subject)
    return _mean({name: _log_power_sum(spectra[name], law) for name, law in power_laws(subject).items()})


@measure(source="Martin et al. 2021, arXiv:2002.06716 (log Frobenius norm)", family="heavy_tail",
         cost=SPECTRA, weights_only=True, version=2)  # fmt: skip
def ww_log_norm(subject: Subject) -> float:
    r"""Mean logarithm of the squared Frobenius norms.

    .. math:: \frac{1}{d} \sum_j \log_{10} \lVert W_j \rVert_F^2

    It is `prod_of_fro` a layer, and is defined through attention and layer norm, where it bounds nothing. Invariant
    when ReLU layers are rescaled.
    """
    return _mean({name: math.log10(values.sum()) for name, values in _spectra(subject).items()})


@measure(source="Martin et al. 2021, arXiv:2002.06716 (log spectral norm)", family="heavy_tail",
         cost=SPECTRA, weights_only=True, version=2)  # fmt: skip
def ww_log_spectral_norm(subject: Subject) -> float:
    r"""Mean logarithm of the largest eigenvalues.

    .. math:: \frac{1}{d} \sum_j \log_{10} \lambda_{j,\max}

    It is `prod_of_spec` a layer, and is defined through attention and layer norm, where it bounds nothing. Invariant
    when ReLU layers are rescaled.
    """
    return _mean({name: math.log10(values.max()) for name, values in _spectra(subject).items()})


@measure(
    source="Martin & Mahoney 2021, arXiv:1810.01075 (stable rank)",
    family="heavy_tail",
    cost=SPECTRA,
    weights_only=True,
    version=2,
)
def ww_stable_rank(subject: Subject) -> float:
    r"""Mean stable rank of the layers.

    .. math:: \frac{1}{d} \sum_j \lVert W_j \rVert_F^2 / \lambda_{j,\max}

    It is `fro_over_spec` a layer. No unit. Invariant when any layer is rescaled.
    """
    return _mean({name: float(values.sum() / values.max()) for name, values in _spectra(subject).items()})


@measure(source="Martin & Mahoney 2021, arXiv:1810.01075 (MP soft rank)", family="heavy_tail",
         cost=SPECTRA, weights_only=True, version=2)  # fmt: skip
def ww_mp_softrank(subject: Subject) -> float:
    r"""Mean ratio of the edge of the random bulk to the largest eigenvalue.

    .. math:: \frac{1}{d} \sum_j \frac{\lambda_j^+}{\lambda_{j,\max}}, \quad
        \lambda^+ = \hat\sigma^2 (\sqrt{N} + \sqrt{M})^2

    Near one where no eigenvalue exceeds the noise, smaller the more correlations were learned: as a complexity it has
    the sign of a rank. Departs from the paper, which fits the variance by eye: here it is that of the eigenvalues below
    the 99th percentile of the largest of a random matrix, to self-consistency. No unit. Invariant when any layer is
    rescaled.
    """
    return _mean(
        {
            name: edge(*shape, bulk_variance(values, max(shape))) / float(values.max())
            for name, values, shape in _shaped(subject)
        }
    )


@measure(
    source="WeightWatcher (rand_distance)", family="heavy_tail", expected_sign=-1, cost=RANDOMIZED, version=2,
    weights_only=True,
)  # fmt: skip
def ww_rand_distance(subject: Subject) -> float:
    r"""Mean Jensen-Shannon distance between the spectra of the layers and of the same entries in a random order.

    .. math:: \frac{1}{d} \sum_j E_q \sqrt{ \frac{\mathrm{KL}(p_j \Vert m_j) + \mathrm{KL}(q_j \Vert m_j)}{2} }, \quad
        p_{j,i} = \lambda_{j,i} / \sum_k \lambda_{j,k}, \quad m_j = (p_j + q_j) / 2

    As in the program the i-th largest eigenvalues are compared, as shares of their sum, q being those of the shuffled
    matrix; the logarithm is natural. Departs from it in the mean over 16 shuffles, fewer of layers with more than 2^16
    entries. No unit: 0 to the root of ln 2. Invariant when any layer is rescaled.
    """
    shuffled = _shuffled(subject)
    return _mean(
        {
            name: math.fsum(_jensen_shannon(values, each) for each in shuffled[name]) / len(shuffled[name])
            for name, values in _spectra(subject).items()
        }
    )


@measure(
    source="Clauset et al. 2009, arXiv:0706.1062, eq. 3.9; WeightWatcher (D)",
    family="heavy_tail",
    cost=SPECTRA,
    weights_only=True,
    version=2,
)
def ww_ks(subject: Subject) -> float:
    r"""Mean Kolmogorov-Smirnov distance between the layers' spectra and their power laws.

    .. math:: \frac{1}{d} \sum_j \max_{\lambda \ge \lambda_{j,\min}} \lvert S_j(\lambda) - P_j(\lambda) \rvert

    Small where the tail is a power law. No unit: 0 to 1. Invariant when any layer is rescaled.
    """
    return _mean({name: law.distance for name, law in power_laws(subject).items()})


@measure(source="Martin & Mahoney 2021, arXiv:1810.01075 (bulk + spikes)", family="heavy_tail",
         expected_sign=-1, cost=SPECTRA, weights_only=True, version=2)  # fmt: skip
def ww_n_spikes(subject: Subject) -> float:
    r"""Mean number of eigenvalues above the random bulk.

    .. math:: \frac{1}{d} \sum_j \# \{ i : \lambda_{j,i} > t(\hat\sigma_j^2) \}

    The threshold t is the 99th percentile of the largest eigenvalue of a random matrix of the bulk's variance, which is
    that of the eigenvalues below it. Each is a direction that training has added to the layer. Invariant when any
    layer is rescaled.
    """
    return _mean(
        {
            name: float((values > threshold(*shape, bulk_variance(values, max(shape)))).sum())
            for name, values, shape in _shaped(subject)
        }
    )


@measure(source="WeightWatcher (correlation traps)", family="heavy_tail", cost=RANDOMIZED, version=2,
         weights_only=True)  # fmt: skip
def ww_traps(subject: Subject) -> float:
    r"""Mean number of eigenvalues above the bulk after the entries are put in a random order.

    .. math:: \frac{1}{d} \sum_j \min_{\mathrm{orders}} \# \{ i : \lambda_{j,i}^{\mathrm{rand}} > t(\overline{W_j^2}) \}

    The threshold t as in `ww_n_spikes`, for the mean square of the entries. After shuffling, only
    single large entries or a mean far from zero exceed it: traps of too large a learning rate. Departs from the program
    in the least of 16 shuffles, of which one in a hundred exceeds the threshold by chance. It is 0 for all
    but one of 36 networks of the suite digits, and hardly ranks them. Invariant when any layer is rescaled.
    """
    shuffled = _shuffled(subject)
    return _mean(
        {
            name: float((shuffled[name] > threshold(*shape, float(values.sum()) / math.prod(shape))).sum(1).min())
            for name, values, shape in _shaped(subject)
        }
    )


@measure(
    source="Roy & Vetterli 2007, The effective rank, EUSIPCO",
    family="heavy_tail",
    cost=SPECTRA,
    weights_only=True,
    version=2,
)
def weight_effective_rank(subject: Subject) -> float:
    r"""Mean effective rank of the layers: the exponential of the entropy of their singular values.

    .. math:: \frac{1}{d} \sum_j \exp \left( -\sum_i p_{j,i} \ln p_{j,i} \right), \quad
        p_{j,i} = \sigma_{j,i} / \sum_k \sigma_{j,k}

    Of singular values, not of their squares. No unit: between one and the rank. Invariant when any layer is rescaled.
    """
    return _mean({name: _entropy_rank(np.sqrt(values)) for name, values in _spectra(subject).items()})


@measure(source="Hosseini et al. 2021, published code of GenProb (stable quality, QS_BE)", family="heavy_tail",
         expected_sign=-1, cost=SPECTRA, weights_only=True)  # fmt: skip
def stable_quality(subject: Subject) -> float:
    r"""Mean angle between the mean singular value and the spread of the singular values of a layer.

    .. math:: \frac{1}{d} \sum_j \mathrm{arctan2} \left( \frac{\sum_i \sigma_{j,i}}{r_j\, \sigma_{j,1}}, \;
        1 - \frac{\sigma_{j,r_j}}{\sigma_{j,1}} \right), \quad r_j = \min(M_j, N_j)

    A quality: the code finds it larger where networks generalize, hence the sign. Departs from it in one matrix
    [out, in * kernel] a layer instead of the unfoldings by input and by output channels; as in its `BE` no low-rank
    factorization comes first. Unit: radians, 0 to pi / 2. Invariant when any layer is rescaled.
    """
    return _mean({name: _stable_quality(np.sqrt(values)) for name, values in _spectra(subject).items()})


def _mean(terms: Mapping[str, float]) -> Layered:
    """The mean over layers, with the term of each."""
    return Layered(math.fsum(terms.values()) / len(terms), terms)


def _spectra(subject: Subject) -> dict[str, Values]:
    """All eigenvalues of each layer's W^T W, largest first, by name.

    Raises:
        UnsupportedModelError: a layer is zero.
    """
    spectral_norms(subject)
    return _squares(subject, [values.numpy(force=True) for values in singular_values(subject)])


def _shuffled(subject: Subject) -> dict[str, Values]:
    """As `_spectra`, of the layers' entries in random orders [draws, r]."""
    return _squares(subject, [values.numpy(force=True) for values in randomized_singular_values(subject)])


def _squares(subject: Subject, spectra: list[Values]) -> dict[str, Values]:
    return {layer.name: np.square(values) for layer, values in zip(layers(subject), spectra, strict=True)}


def _shaped(subject: Subject) -> list[tuple[str, Values, tuple[int, int]]]:
    """Name, eigenvalues and shape of each layer's matrix."""
    shapes = [(layer.matrix.shape[0], layer.matrix.shape[1]) for layer in layers(subject)]
    return [(name, values, shape) for (name, values), shape in zip(_spectra(subject).items(), shapes, strict=True)]


def _log_power_sum(values: Values, law: PowerLaw) -> float:
    """log10 of the sum of the powers of the nonzero eigenvalues, which themselves might overflow."""
    logs = law.alpha * np.log10(eigenvalues(np.sqrt(values)))
    return float(logs.max() + np.log10(np.power(10.0, logs - logs.max()).sum()))


def _jensen_shannon(first: Values, second: Values) -> float:
    """Root of the Jensen-Shannon divergence, in nats, of two lists of numbers of at least zero, as shares."""
    p, q = first / first.sum(), second / second.sum()
    middle = (p + q) / 2
    divergence = sum(
        float((share[share > 0] * np.log(share[share > 0] / middle[share > 0])).sum()) / 2 for share in (p, q)
    )
    return math.sqrt(max(divergence, 0.0))


def _stable_quality(values: Values) -> float:
    """The angle of singular values [r], largest first."""
    return math.atan2(values.mean() / values[0], 1 - values[-1] / values[0])


def _entropy_rank(values: Values) -> float:
    """Exponential of the entropy of numbers of at least zero, as shares."""
    shares = values[values > 0] / values.sum()
    return math.exp(-float((shares * np.log(shares)).sum()))
