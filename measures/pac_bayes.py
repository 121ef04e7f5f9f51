"""PAC-Bayes flatness: the noise that the weights bear, and how far they went in units of it.

sigma is a standard deviation: that of Gaussian noise on all trainable parameters at which the training accuracy has
dropped by 0.1 on average. The published code of Jiang et al. draws noise of standard deviation sigma^2 and therefore
reports another number.
"""

import math
from collections.abc import Iterable

from torch import Tensor

from measures.api import Subject, measure
from measures.passes.perturbation import magnitude_noise_scale, noise_scale


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 53", family="sharpness")
def pacbayes_flatness(subject: Subject) -> float:
    r"""Inverse variance of the weight noise that costs a tenth of the training accuracy.

    .. math:: 1 / \sigma^2, \quad E_{u \sim N(0, \sigma^2 I)}[\mathrm{acc}(w) - \mathrm{acc}(w + u)] = 0.1

    Departs from the paper in the estimate of the expectation, 8 common draws on at most 256 examples, and in the noise,
    which also falls on biases and on the affine parameters of norms, as in the paper's code. Unit: 1 / weight squared.
    Not invariant to the rescaling of layers.
    """
    return noise_scale(subject) ** -2


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 61", family="sharpness")
def pacbayes_mag_flatness(subject: Subject) -> float:
    r"""Inverse square of the relative weight noise that costs a tenth of the training accuracy.

    .. math:: 1 / \sigma'^2, \quad u_i \sim N(0, \sigma'^2 w_i^2 + \epsilon^2), \quad \epsilon = 10^{-3}

    with sigma' such that the expected drop of the accuracy is 0.1; departs from the paper as `pacbayes_flatness` does.
    No unit. Invariant to the rescaling of layers but for epsilon.
    """
    return magnitude_noise_scale(subject) ** -2


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 49", family="sharpness")
def pacbayes_orig(subject: Subject) -> float:
    r"""PAC-Bayes bound with a prior at the origin.

    .. math:: \frac{\lVert w \rVert_2^2}{4 \sigma^2} + \log \frac{m}{\sigma} + 10

    with m training examples, the natural logarithm and sigma of `pacbayes_flatness`; no square root and no division by
    m. w is every trainable parameter, as is the noise; the paper does not say whether biases count. In nats.
    """
    return _complexity(subject, subject.params.values())


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 48", family="sharpness", needs={"init"})
def pacbayes_init(subject: Subject) -> float:
    r"""PAC-Bayes bound with a prior at initialization.

    .. math:: \frac{\lVert w - w_0 \rVert_2^2}{4 \sigma^2} + \log \frac{m}{\sigma} + 10

    otherwise as `pacbayes_orig`. In nats.
    """
    start = subject.init_params
    return _complexity(subject, (w - start[name] for name, w in subject.params.items()))


def _complexity(subject: Subject, displacement: Iterable[Tensor]) -> float:
    """||displacement||^2 / (4 sigma^2) + log(m / sigma) + 10."""
    sigma = noise_scale(subject)
    squared_norm = sum(float(part.square().sum()) for part in displacement)
    return squared_norm / (4 * sigma**2) + math.log(subject.num_examples / sigma) + 10
