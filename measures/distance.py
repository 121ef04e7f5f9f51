"""How far the weights have moved from where they started.

Both are of the weights of convolutions and linear layers without biases, with batch norm folded in at either end: the
initial weights with the statistics and affine parameters of the start.
"""

import math

from torch import Tensor

from measures.api import Subject, measure
from measures.norms import squared_norm
from measures.passes.folding import initial_layers, layers


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 40", family="norm", needs={"init"})
def fro_dist(subject: Subject) -> float:
    r"""Squared Frobenius distances of the layers from initialization, summed.

    .. math:: \sum_j \lVert W_j - W_j^0 \rVert_F^2

    No root and no division by the number of examples. Unit: weight squared. Changes when layers are rescaled.
    """
    return squared_norm(_displacements(subject))


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code (DIST_L2)", family="norm", needs={"init"})
def l2_dist(subject: Subject) -> float:
    r"""Euclidean distance of all weights from initialization.

    .. math:: \lVert w - w^0 \rVert_2

    It orders networks as `fro_dist` does. Unit: that of a weight. Changes when layers are rescaled.
    """
    return math.sqrt(squared_norm(_displacements(subject)))


def _displacements(subject: Subject) -> list[Tensor]:
    """Trained minus initial weight of each layer."""
    pairs = zip(layers(subject), initial_layers(subject), strict=True)
    return [trained.weight - initial.weight for trained, initial in pairs]
