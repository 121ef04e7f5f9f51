"""DeCov: covariance between units of the last hidden layer."""

import torch

from measures.api import Subject, measure
from measures.passes.activations.features import features


@measure(
    source="Cogswell et al. 2016, arXiv:1511.06068",
    family="representation",
    cost="1 forward pass of 400 examples, shared",
    version=2,
)
def decov(subject: Subject) -> float:
    r"""Half the squared covariances between different units of the last hidden layer.

    .. math:: \tfrac{1}{2} \big( \lVert C \rVert_F^2 - \lVert \operatorname{diag} C \rVert_2^2 \big), \quad
              C = \frac{1}{n} \sum_i (h_i - \bar h)(h_i - \bar h)^\top

    h_i is what the last layer maps, maps of features as their mean over positions; the divisor is n, as in the paper.
    Departs from the paper, which penalizes minibatches in training: here one covariance of up to 400 training examples.
    Unit: that of an activation, to the fourth. Sees no order of the units and not the last layer; changes when the
    layers before are rescaled.
    """
    hidden = features(subject).penultimate.double()
    centred = hidden - hidden.mean(0)
    covariance = centred.T @ centred / len(hidden)
    between = covariance - torch.diag(covariance.diagonal())
    return 0.5 * float(between.square().sum())
