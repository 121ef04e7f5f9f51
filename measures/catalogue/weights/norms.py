"""Norms of the weights: of all together, of single layers, and the product of the layers' Frobenius norms.

All are of the weights of convolutions and linear layers with batch norm folded in, without biases. They leave out the
normalisation by the number of examples that Jiang et al. put around every measure, sqrt(. / m).
"""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.weights.folding import POSITIVE, layers, operations
from measures.passes.weights.spectra import frobenius_norms, spectral_norms
from measures.per_layer import Layered, layer_sum

# Operations between layers through which a product of spectral norms bounds the network: maps whose Lipschitz constant
# is at most one, up to fixed factors. That of GELU and SiLU exceeds one; layer norm and attention have none.
LIPSCHITZ: Final = POSITIVE | {"leaky_relu", "relu6", "hardtanh", "tanh", "sigmoid", "elu", "softplus", "shift", "pad"}


@measure(
    source="Dziugaite et al. 2020, arXiv:2010.11924, published code (L2)",
    family="norm",
    cost="weights only",
    weights_only=True,
    version=2,
)
def l2(subject: Subject) -> float:
    r"""Euclidean norm of all weights.

    .. math:: \lVert w \rVert_2 = \sqrt{\sum_j \lVert W_j \rVert_F^2}

    It orders networks as `param_norm` does. Unit: that of a weight. Changes when layers are rescaled.
    """
    return math.sqrt(squared_norm([layer.weight for layer in layers(subject)]))


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 42",
    family="norm",
    cost="weights only",
    weights_only=True,
    version=2,
)
def param_norm(subject: Subject) -> float:
    r"""Squared Frobenius norms of the layers, summed.

    .. math:: \sum_j \lVert W_j \rVert_F^2

    No root and no division by the number of examples. Unit: weight squared. Changes when layers are rescaled.
    """
    return layer_sum({layer.name: float(layer.weight.double().square().sum()) for layer in layers(subject)})


@measure(
    source="none: the norm whose ball lasso regularization takes",
    family="norm",
    cost="weights only",
    weights_only=True,
    version=2,
)
def l1(subject: Subject) -> float:
    r"""Sum of the absolute values of all weights.

    .. math:: \lVert w \rVert_1 = \sum_j \sum_{ab} \lvert W_{j,ab} \rvert

    Unit: that of a weight. Changes when layers are rescaled.
    """
    return layer_sum({layer.name: float(layer.weight.double().abs().sum()) for layer in layers(subject)})


@measure(source="none: the largest weight", family="norm", cost="weights only", weights_only=True, version=2)
def linf(subject: Subject) -> float:
    r"""Largest absolute value among all weights.

    .. math:: \lVert w \rVert_\infty = \max_{jab} \lvert W_{j,ab} \rvert

    Unit: that of a weight. Changes when layers are rescaled.
    """
    return float(torch.stack([layer.weight.abs().max() for layer in layers(subject)]).max())


@measure(
    source="none: the last layer's part of param_norm", family="norm", cost="weights only", weights_only=True, version=2
)
def head_norm(subject: Subject) -> float:
    r"""Frobenius norm of the last layer.

    .. math:: \lVert W_d \rVert_F

    The last in the order of execution, which makes the logits. Unit: that of a weight. Changes when layers are
    rescaled.
    """
    return float(layers(subject)[-1].weight.double().norm())


@measure(
    source="none: the first layer's part of param_norm",
    family="norm",
    cost="weights only",
    weights_only=True,
    version=2,
)
def embedding_norm(subject: Subject) -> float:
    r"""Frobenius norm of the first layer.

    .. math:: \lVert W_1 \rVert_F

    The first in the order of execution: the stem of a convolutional network, the patch embedding of a transformer or a
    mixer. Learned tokens and position embeddings belong to no layer and are left out. Unit: that of a weight. Changes
    when layers are rescaled.
    """
    return float(layers(subject)[0].weight.double().norm())


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 37",
    family="norm",
    cost="weights only",
    weights_only=True,
    version=2,
)
def prod_of_fro(subject: Subject) -> float:
    r"""Logarithm of the product of squared Frobenius norms.

    .. math:: \log \prod_j \lVert W_j \rVert_F^2 = 2 \sum_j \log \lVert W_j \rVert_F

    Departs from the paper, which reports the product: the natural logarithm orders the same and cannot overflow. It
    bounds the product of spectral norms, and is refused where that is. Unit: nats. Invariant when ReLU layers are
    rescaled.
    """
    refuse_unbounded(subject)
    return log_product(subject, frobenius_norms(subject))


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 39",
    family="norm",
    cost="weights only",
    weights_only=True,
    version=2,
)
def sum_of_fro(subject: Subject) -> float:
    r"""Geometric mean of the squared Frobenius norms, times the number of layers.

    .. math:: d \left( \prod_j \lVert W_j \rVert_F^2 \right)^{1/d}

    As in the paper a function of the product, in spite of its name. Unit: weight squared. Invariant when ReLU layers
    are rescaled.
    """
    refuse_unbounded(subject)
    return scaled_geometric_mean(subject, frobenius_norms(subject))


def squared_norm(tensors: Sequence[Tensor]) -> float:
    """Sum of the squares of all entries of all tensors."""
    return sum(float(tensor.double().square().sum()) for tensor in tensors)


def log_product(subject: Subject, norms: Tensor) -> Layered:
    """Twice the sum of the natural logarithms of positive norms [d], one a layer."""
    return sum_by_layer(subject, 2 * norms.log())


def scaled_geometric_mean(subject: Subject, norms: Tensor, log_divisor: float = 0.0) -> Layered:
    """The number of layers times the geometric mean of squared norms [d], their product over exp(`log_divisor`)."""
    depth = len(norms)
    mean = math.exp((2 * float(norms.log().sum()) - log_divisor) / depth)
    return Layered(depth * mean, sum_by_layer(subject, norms.square()).layers)


def sum_by_layer(subject: Subject, terms: Tensor) -> Layered:
    """The sum of terms [d], one a layer, with the term of each."""
    return layer_sum({layer.name: term for layer, term in zip(layers(subject), terms.tolist(), strict=True)})


def log_prod_of_spec(subject: Subject) -> float:
    """Twice the sum of the natural logarithms of the layers' spectral norms."""
    return 2 * float(spectral_norms(subject).log().sum())


def refuse_unbounded(subject: Subject) -> None:
    """Refuse networks with operations between layers whose Lipschitz constant may exceed one.

    Raises:
        UnsupportedModelError: there are some; the message names them.
    """
    between = operations(subject) - LIPSCHITZ
    if between:
        raise UnsupportedModelError(
            f"A product of spectral norms bounds nothing through {', '.join(sorted(between))}: maps whose Lipschitz "
            "constant exceeds one or is unknown."
        )
