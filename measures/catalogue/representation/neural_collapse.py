"""Neural collapse: class means of the last features as a simplex, and the classifier that they turn into.

h_i is what goes into the last layer at training example i; mu_k is its mean over class k, of which K' occur, and mu the
mean of the mu_k. See `nc1` for the collapse within classes.
"""

import math

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.features import features
from measures.passes.weights.folding import layers

SOURCE = "Papyan et al. 2020, arXiv:2008.08186, sec. 2"
COST = "shared forward pass on 400 examples"


@measure(source=f"{SOURCE} (NC2, as in its figure 2)", family="representation", cost=COST)
def nc2_equinorm(subject: Subject) -> float:
    r"""Variation of the distances of the class means from their centre.

    .. math:: \mathrm{std}_k \lVert \mu_k - \mu \rVert_2 \,/\, \mathrm{mean}_k \lVert \mu_k - \mu \rVert_2

    with divisor K'. Of min(m, 400) training examples; zero at full collapse. No unit. Invariant when ReLU layers are
    rescaled, when units are renamed, and when logits are scaled.
    """
    norms = _centred_means(subject).norm(dim=1)
    return float(norms.std(correction=0) / norms.mean())


@measure(source=f"{SOURCE} (NC2, as in its figure 4)", family="representation", cost=COST)
def nc2_angles(subject: Subject) -> float:
    r"""Mean deviation of the cosines between class means from those of a simplex.

    .. math:: \mathrm{mean}_{k \ne l} \left| \cos(\mu_k - \mu, \mu_l - \mu) + \frac{1}{K' - 1} \right|

    Of min(m, 400) training examples; zero at full collapse, where the angles are as large as they can be together. No
    unit, at most 2. Invariant when ReLU layers are rescaled, when units are renamed, and when logits are scaled.
    """
    centred = _centred_means(subject)
    unit = torch.nn.functional.normalize(centred, dim=1)
    k = len(unit)
    apart = ~torch.eye(k, dtype=torch.bool, device=unit.device)
    return float(((unit @ unit.T)[apart] + 1 / (k - 1)).abs().mean())


@measure(source=f"{SOURCE} (NC3, as in its figure 5)", family="representation", cost=COST)
def nc3(subject: Subject) -> float:
    r"""Squared distance of the last layer's weight from the class means, both of norm one.

    .. math:: \left\lVert \frac{W^T}{\lVert W \rVert_F} - \frac{M}{\lVert M \rVert_F} \right\rVert_F^2

    M holds the mu_k - mu as columns and W the rows of the last layer for the classes that occur, not centred. Of min(m,
    400) training examples; zero at full collapse, where the classifier is the class means but for scale (self-duality).
    The sign is that of the other measures of collapse: the paper's networks collapse as they come to generalize better.
    No unit, between 0 and 4. Invariant when ReLU layers are rescaled, when units are renamed, and when logits are
    scaled.
    """
    found = features(subject)
    weight = layers(subject)[-1].weight.double().flatten(1)
    if weight.shape != (found.logits.shape[1], found.penultimate.shape[1]):
        raise UnsupportedModelError("Its last layer must map one vector of features to the logits; it does not.")
    means, classes = _class_means(found.penultimate.double(), found.labels)
    centred, rows = means - means.mean(0), weight[classes]
    if not centred.any() or not rows.any():
        raise UnsupportedModelError("Its class means are all the same, or its last layer is zero.")
    return float((rows / rows.norm() - centred / centred.norm()).square().sum())


@measure(source=f"{SOURCE} (NC4, as in its figure 7)", family="representation", cost=COST)
def nc4(subject: Subject) -> float:
    r"""Share of the training examples that the network does not answer as the class of the nearest mean.

    .. math:: \frac{1}{n} \sum_i 1 \left[ \arg\max_k f(x_i)_k \ne \arg\min_k \lVert h_i - \mu_k \rVert_2 \right]

    Of min(m, 400) training examples; zero at full collapse. No unit, between 0 and 1. Invariant when ReLU layers are
    rescaled, when units are renamed, and when logits are scaled.
    """
    found = features(subject)
    means, classes = _class_means(found.penultimate.double(), found.labels)
    nearest = classes[torch.cdist(found.penultimate.double(), means).argmin(1)]
    return float((nearest != found.logits.argmax(1)).double().mean())


def _class_means(points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Means [k, d] of the classes that occur, and the classes [k].

    Raises:
        UnsupportedModelError: fewer than two classes occur.
    """
    classes, place, counts = labels.unique(return_inverse=True, return_counts=True)
    if len(classes) < 2:  # noqa: PLR2004  a class and another
        raise UnsupportedModelError("It needs examples of at least two classes; all have the same label.")
    sums = points.new_zeros(len(classes), points.shape[1]).index_add(0, place, points)
    return sums / counts[:, None], classes


def _centred_means(subject: Subject) -> Tensor:
    """Class means [k, d] minus their mean.

    Raises:
        UnsupportedModelError: a class mean lies at their centre, up to rounding.
    """
    found = features(subject)
    means, _ = _class_means(found.penultimate.double(), found.labels)
    centred = means - means.mean(0)
    rounding = math.sqrt(torch.finfo(found.penultimate.dtype).eps) * float(means.abs().max())
    if not bool((centred.abs().amax(1) > rounding).all()):
        raise UnsupportedModelError("The mean of some class lies at the centre of all of them: it has no direction.")
    return centred
