"""The optimised PAC-Bayes bound: of a Gaussian posterior that is trained for a small bound from the trained weights."""

import math
from typing import Final

import torch
from scipy.optimize import brentq

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.perturbations.gaussian_posterior import Posterior, posterior, unflatten
from measures.passes.perturbations.noise_scale import evaluate_networks

SAMPLED_DELTA: Final = 0.01  # chance that the bound on the posterior's training error fails; as in the paper
NUM_NETWORKS: Final = 256  # drawn for it: the bound is .02 above an error of 0 and .05 above one of .05
NUM_EXAMPLES: Final = 64  # that each of them answers
NUMBERS_DRAWN: Final = 2**22  # at once: bounds memory


@measure(
    source="Dziugaite & Roy 2017, arXiv:1703.11008, sec. 2 to 4",
    family="pac_bayes",
    needs={"init"},
    cost="400 gradients of 128 examples, 64 examples by 256 networks",
    slow=True,
)
def pacbayes_opt(subject: Subject) -> float:
    r"""PAC-Bayes bound on the error of a stochastic network, optimised from the trained weights.

    .. math:: -\log(1 - p), \quad p = \mathrm{kl}^{-1}\big( \mathrm{kl}^{-1}(\hat e, \tfrac{1}{r} \log
        \tfrac{2}{\delta'}), B \big), \quad \mathrm{kl}^{-1}(q, c) = \max \{ p : \mathrm{kl}(q \Vert p) \le c \}

    with kl between two coins, B the penalty of the posterior, `measures.passes.perturbations.gaussian_posterior`, and
    e the training error of r networks drawn from it, each on 64 examples drawn with replacement. With probability
    1 - delta - delta' = 0.965 the error of networks from the posterior on new data is at most p. A larger bound on the
    error predicts a larger gap, which is the error on new data where the training set is fitted. Departs from the
    paper, whose score is p: that rounds to 1 for small training sets, so the score is minus the logarithm of the
    accuracy that is guaranteed, which orders networks as p does. Of ten classes a score below -log 0.1 = 2.3 guarantees
    more than chance. Batch norm is folded. In nats.
    """
    found = posterior(subject)
    error = training_error(subject, found)
    if error == 1:
        raise UnsupportedModelError("Networks from the posterior answer no training example: no error is excluded.")
    above = -math.expm1(-invert_kl(error, math.log(2 / SAMPLED_DELTA) / NUM_NETWORKS))
    return invert_kl(above, found.smallest_penalty(subject.num_examples))


def training_error(subject: Subject, found: Posterior) -> float:
    """Mean error on the training set of networks that are drawn from a posterior."""
    order, generator = subject.sample(subject.num_examples), subject.generator("networks_of_posterior")
    at_once, size = max(1, NUMBERS_DRAWN // len(found.mean)), len(found.mean)
    hits = 0.0
    for start in range(0, NUM_NETWORKS, at_once):
        count = min(at_once, NUM_NETWORKS - start)
        noise = torch.randn(count, size, generator=generator, device=order.device).to(found.mean)
        chosen = torch.randint(len(order), (count, NUM_EXAMPLES), generator=generator, device=order.device)
        networks = unflatten(subject, found.mean + found.log_std.exp() * noise)
        hits += count * evaluate_networks(subject, networks, order[chosen]).accuracy
    return 1 - hits / NUM_NETWORKS


def invert_kl(error: float, divergence: float) -> float:
    r"""-log(1 - p) of the largest error p whose kl from `error`, below 1, is at most `divergence`, above 0.

    .. math:: \mathrm{kl}(q \Vert p) = q \log \frac{q}{p} + (1 - q) \log \frac{1 - q}{1 - p}

    Solved in t = -log(1 - p), which is accurate also where p rounds to 1; it lies below (divergence + H(q)) / (1 - q).
    """
    if error <= 0:
        return divergence
    entropy = -error * math.log(error) - (1 - error) * math.log1p(-error)

    def excess(t: float) -> float:
        return (1 - error) * t - error * math.log(-math.expm1(-t)) - entropy - divergence

    above = (divergence + entropy) / (1 - error) + 1
    return float(brentq(excess, -math.log1p(-error), above, xtol=1e-12, rtol=1e-12))
