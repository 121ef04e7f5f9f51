"""Sizes of a network, and information criteria of its size and loss."""

import math

from measures.api import Subject, measure
from measures.passes.activations.outputs import losses
from measures.passes.weights.folding import layers


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 20 (the weights alone)", family="parameters",
         cost="weights only", weights_only=True, version=2)  # fmt: skip
def num_weights(subject: Subject) -> float:
    r"""Number of weights of convolutions and linear layers.

    .. math:: \sum_j k_j^2 c_j c_{j-1}

    For square kernels of c_{j-1} input channels a group. Departs from the paper, which adds biases; `params` counts all
    parameters. Invariant under every change of the weights.
    """
    return float(sum(layer.weight.numel() for layer in layers(subject)))


@measure(source="Bartlett et al. 2019, arXiv:1703.02930 (upper bound)", family="parameters",
         cost="weights only", weights_only=True, version=2)  # fmt: skip
def vc_dim(subject: Subject) -> float:
    r"""Order of the Vapnik-Chervonenkis dimension of a network of piecewise linear units.

    .. math:: P \, d \log_2 P

    P parameters in d layers: the bound is O(P d log P), without its constants. Departs from Jiang et al. 2020, eq. 19,
    whose constants and logarithm are those of an earlier version of the bound. Invariant under every change of the
    weights.
    """
    size = _num_params(subject)
    return size * len(layers(subject)) * math.log2(size)


@measure(source="none: a control", family="parameters", cost="weights only", weights_only=True, version=2)
def depth(subject: Subject) -> float:
    """Number of convolutions and linear layers, those on skips included.

    The sign is that of the bounds; in the study of Jiang et al. 2020 deeper networks generalized better. Invariant
    under every change of the weights.
    """
    return float(len(layers(subject)))


@measure(source="none: a control", family="parameters", cost="weights only", weights_only=True, version=2)
def width(subject: Subject) -> float:
    """Largest number of outputs of the hidden layers, those of the only layer if there is no other.

    The sign is that of the bounds. Invariant under every change of the weights.
    """
    return float(max(_widths(subject)))


@measure(source="none: a control", family="parameters", cost="weights only", weights_only=True, version=2)
def mean_width(subject: Subject) -> float:
    """Mean number of outputs of the hidden layers, those of the only layer if there is no other.

    The sign is that of the bounds. Invariant under every change of the weights.
    """
    widths = _widths(subject)
    return sum(widths) / len(widths)


@measure(source="Akaike 1974, IEEE Transactions on Automatic Control 19(6), 716-723", family="parameters",
         cost="1 forward pass")  # fmt: skip
def aic(subject: Subject) -> float:
    r"""Akaike's information criterion.

    .. math:: 2 \sum_i \ell_i + 2 P

    Losses in nats over the training examples, and the number of parameters P. Derived for the maximum likelihood of
    regular models, which networks are not. Unit: twice a nat. Invariant when ReLU layers are rescaled or a constant is
    added to all logits.
    """
    return 2 * _total_loss(subject) + 2 * _num_params(subject)


@measure(source="Schwarz 1978, Annals of Statistics 6(2), 461-464", family="parameters", cost="1 forward pass")
def bic(subject: Subject) -> float:
    r"""Schwarz's Bayesian information criterion.

    .. math:: 2 \sum_i \ell_i + P \ln m

    As `aic`, with half the logarithm of the number of examples m a parameter. Unit: twice a nat. Invariant when ReLU
    layers are rescaled or a constant is added to all logits.
    """
    return 2 * _total_loss(subject) + _num_params(subject) * math.log(subject.num_examples)


def _widths(subject: Subject) -> list[int]:
    widths = [len(layer.weight) for layer in layers(subject)]
    return widths[:-1] or widths


def _num_params(subject: Subject) -> int:
    return sum(value.numel() for value in subject.params.values())


def _total_loss(subject: Subject) -> float:
    return float(losses(subject).double().sum())
