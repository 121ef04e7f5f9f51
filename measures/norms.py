"""Norms of the weights, layer by layer: sums, and products of spectral norms.

All are of the weights of convolutions and linear layers with batch norm folded in, without biases. They leave out the
normalisation by the number of examples that Jiang et al. put around every measure, sqrt(. / m).
"""

import math
from typing import Final

from torch import Tensor

from measures.api import Subject, UnsupportedModel, measure
from measures.passes.folding import POSITIVE, layers, operations
from measures.passes.spectra import singular_values, spectral_norms

# What may stand between two layers while the product of their spectral norms says something of the network: maps whose
# Lipschitz constant is at most one, up to fixed factors. GELU and SiLU exceed one; the norms and attention have none.
LIPSCHITZ: Final = POSITIVE | {"leaky_relu", "relu6", "hardtanh", "tanh", "sigmoid", "elu", "softplus", "shift", "pad"}


@measure(source="Dziugaite et al. 2020, arXiv:2010.11924, published code (L2)", family="norm")
def l2(subject: Subject) -> float:
    r"""Euclidean norm of all weights.

    .. math:: \lVert w \rVert_2 = \sqrt{\sum_j \lVert W_j \rVert_F^2}

    It orders networks as `param_norm` does. Unit: that of a weight. Changes when layers are rescaled.
    """
    return math.sqrt(squared_norm([layer.weight for layer in layers(subject)]))


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 42", family="norm")
def param_norm(subject: Subject) -> float:
    r"""Squared Frobenius norms of the layers, summed.

    .. math:: \sum_j \lVert W_j \rVert_F^2

    No root and no division by the number of examples. Unit: weight squared. Changes when layers are rescaled.
    """
    return squared_norm([layer.weight for layer in layers(subject)])


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 32", family="norm")
def prod_of_spec(subject: Subject) -> float:
    r"""Logarithm of the product of squared spectral norms.

    .. math:: \log \prod_j \lVert W_j \rVert_2^2 = 2 \sum_j \log \lVert W_j \rVert_2

    Departs from the paper, which reports the product: the natural logarithm orders the same and cannot overflow. The
    norm of a convolution is that of its reshaped kernel. Through skip connections the product runs over all layers, as
    in the published code, and bounds no Lipschitz constant there. Unit: nats. Invariant when ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    return log_prod_of_spec(subject)


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 35", family="norm")
def sum_of_spec(subject: Subject) -> float:
    r"""Geometric mean of the squared spectral norms, times the number of layers.

    .. math:: d \left( \prod_j \lVert W_j \rVert_2^2 \right)^{1/d}

    As in the paper a function of the product, in spite of its name. Norms and skips as in `prod_of_spec`.
    Unit: weight squared. Invariant when ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    depth = len(layers(subject))
    return depth * math.exp(log_prod_of_spec(subject) / depth)


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 33", family="norm")
def fro_over_spec(subject: Subject) -> float:
    r"""Sum of the stable ranks of the layers.

    .. math:: \sum_j \lVert W_j \rVert_F^2 / \lVert W_j \rVert_2^2

    Of each layer's matrix [out, in * kernel]. No unit: between the number of layers and the sum of their ranks.
    Invariant when any layer is rescaled, whatever stands between the layers.
    """
    ranks = (
        (values / norm).square().sum()
        for values, norm in zip(singular_values(subject), spectral_norms(subject), strict=True)
    )
    return float(sum(ranks))


def squared_norm(tensors: list[Tensor]) -> float:
    """Sum of the squares of all entries of all tensors."""
    return sum(float(tensor.double().square().sum()) for tensor in tensors)


def log_prod_of_spec(subject: Subject) -> float:
    """Twice the sum of the natural logarithms of the layers' spectral norms."""
    return 2 * float(spectral_norms(subject).log().sum())


def refuse_unbounded(subject: Subject) -> None:
    """Refuse networks whose layers are joined by more than maps of Lipschitz constant one.

    Raises:
        UnsupportedModel: names what stands between the layers.
    """
    between = operations(subject) - LIPSCHITZ
    if between:
        raise UnsupportedModel(
            f"A product of spectral norms bounds nothing through {', '.join(sorted(between))}, which may stretch more "
            "than the layers do."
        )
