"""Singular learning theory: the local learning coefficient and WAIC, from draws of the posterior near the weights.

The posterior is tempered and localised, see `measures.passes.perturbations.langevin`: n training examples, inverse
temperature beta = 1 / log n, E and Var over draws of the weights w near the trained ones w*. A few chains of a hundred
steps do not reach the posterior of a deep network in all directions; what they give is what such chains give for
every network alike.
"""

import math
from typing import Final

import torch

from measures.api import Subject, measure
from measures.passes.perturbations.langevin import draws

CHAINS: Final = "4 chains of 120 minibatch gradients, shared; shared top of the Hessian"


@measure(source="Lau et al. 2023, arXiv:2308.12108 (SGLD)", family="sharpness", cost=CHAINS, slow=True)
def llc(subject: Subject) -> float:
    r"""Local learning coefficient: how fast the loss rises around the weights, as half a number of parameters.

    .. math:: n \beta \big( E_w[L(w)] - L(w^*) \big), \quad \beta = 1 / \log n

    with L the mean cross-entropy over at most 256 training examples, the same for all w. For a regular model it is half
    its number of parameters, less for a singular one. Larger is more complex: n times the free energy is n L + lambda
    log n, by which the Bayesian generalization error grows as lambda / n (Watanabe 2009). Departs from the paper in
    the step, which follows from the curvature, and in few steps. No unit.
    """
    found = draws(subject)
    return subject.num_examples * found.beta * float(found.losses.mean() - found.trained.mean())


@measure(source="Watanabe 2010, JMLR 11:3571-3594 (WAIC)", family="sharpness", cost=CHAINS, slow=True)
def waic(subject: Subject) -> float:
    r"""Widely applicable information criterion: an estimate of the loss of the posterior predictive on new data.

    .. math:: -\frac{1}{n} \sum_i \log E_w[p_w(y_i \mid x_i)] +
        \frac{\beta}{n} \sum_i \mathrm{Var}_w[\log p_w(y_i \mid x_i)]

    of at most 256 training examples; the second term is the functional variance. Larger predicts a larger loss on new
    data, and networks that fit their training set differ little in the loss on it. In nats an example.
    """
    found = draws(subject)
    training = math.log(len(found.losses)) - float(torch.logsumexp(-found.losses, 0).mean())
    return training + found.beta * float(found.losses.var(0, correction=0).mean())
