"""Average sharpness: the mean rise of the training loss under Gaussian noise on the weights.

The noise is on the weights with batch norm folded in, on biases and on whatever else is learned, as in
`pacbayes_flatness`. Means are over 2048 pairs of a perturbed network and a training example. L is the mean
cross-entropy in nats, L~ that of the logits (f - mean_k f) / ||f - mean_k f||_2. The scales, in the lower part of the
source's range, are where trained digits networks begin to fail.
"""

import math
from typing import Final

from measures.api import Subject, measure
from measures.passes.activations.outputs import logits
from measures.passes.perturbations.noise_scale import (
    under_magnitude_noise,
    under_noise,
    under_noise_together,
    without_noise,
)

SOURCE: Final = "Andriushchenko et al. 2023, arXiv:2302.07011, sec. 3"
COST: Final = "1 forward pass of 2048 examples by up to 256 networks"
COST_TOGETHER: Final = "1 forward pass of 12 networks on 256 examples"


@measure(source=SOURCE, family="sharpness", cost=COST, version=2)
def avg_sharpness(subject: Subject) -> float:
    r"""Mean rise of the loss under noise on all weights.

    .. math:: E_{u \sim N(0, \rho^2 I)}[L(w + u)] - L(w), \quad \rho = 0.05

    Unit: nats. Not invariant to the rescaling of layers.
    """
    return float(under_noise(subject).losses.mean() - without_noise(subject).losses.mean())


@measure(source=SOURCE, family="sharpness", cost=COST, version=2)
def avg_sharpness_mag(subject: Subject) -> float:
    r"""Mean rise of the loss under noise in proportion to each weight.

    .. math:: E_{u_i \sim N(0, \rho^2 w_i^2)}[L(w + u)] - L(w), \quad \rho = 0.1

    Unit: nats. Invariant to the rescaling of layers.
    """
    return float(under_magnitude_noise(subject).losses.mean() - without_noise(subject).losses.mean())


@measure(source=SOURCE, family="sharpness", cost=COST, version=2)
def avg_sharpness_logit_norm(subject: Subject) -> float:
    r"""As `avg_sharpness`, of the loss of normalised logits.

    .. math:: E_{u \sim N(0, \rho^2 I)}[\tilde L(w + u)] - \tilde L(w), \quad \rho = 0.05

    Unit: nats. Not invariant to the rescaling of layers.
    """
    return float(under_noise(subject).normalised_losses.mean() - without_noise(subject).normalised_losses.mean())


@measure(source=SOURCE, family="sharpness", cost=COST, version=2)
def avg_sharpness_mag_logit_norm(subject: Subject) -> float:
    r"""As `avg_sharpness_mag`, of the loss of normalised logits.

    .. math:: E_{u_i \sim N(0, \rho^2 w_i^2)}[\tilde L(w + u)] - \tilde L(w), \quad \rho = 0.1

    Unit: nats. Invariant to the rescaling of layers and to the scale of all logits.
    """
    return float(
        under_magnitude_noise(subject).normalised_losses.mean() - without_noise(subject).normalised_losses.mean()
    )


@measure(source="Chaudhari et al. 2017, arXiv:1611.01838 (local entropy)", family="sharpness", cost=COST_TOGETHER,
         version=2)  # fmt: skip
def local_entropy(subject: Subject) -> float:
    r"""Negative local entropy of the loss around the weights, against that of a flat loss.

    .. math:: -\log E_{u \sim N(0, \rho^2 I)}\, e^{-L(w + u)}
        = -\log \int e^{-L(w') - \frac{\gamma}{2} \lVert w - w' \rVert^2} dw' + \mathrm{const}, \quad
        \gamma = \rho^{-2}, \quad \rho = 0.05

    with the negative sign, so that larger is sharper, and the constant the integral of the Gaussian. Departs from the
    paper, which samples w' by Langevin dynamics: here 12 draws are of the Gaussian and weighted, on the same examples,
    at most 256. Unit: nats. Not invariant to the rescaling of layers.
    """
    logits(subject)  # refuses a network whose logits are not finite
    losses = under_noise_together(subject).losses
    return math.log(len(losses)) - float((-losses).logsumexp(0))
