"""Path norms: sums over all paths from the input to an output of the product of the weights on the way."""

from dataclasses import replace

import torch

from measures.api import Subject, UnsupportedModel, measure
from measures.passes.folding import POSITIVE, Layer, folded_logits, layers, operations


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 44; Neyshabur et al. 2015", family="norm")
def path_norm(subject: Subject) -> float:
    r"""Sum of the outputs for an input of ones, every weight and bias squared.

    .. math:: \sum_k f_{w^2}(\mathbf{1})_k

    For two layers of ReLU: sum_k (sum_j V_kj^2 (sum_i W_ji^2 + b_j^2) + c_k^2), so biases are paths that begin at a
    constant one. Batch norm is folded first. Pooling and the constants of the architecture, such as the residual scale
    of norm-free networks, are not weights and are not squared. No root and no division by the number of examples.
    Computed in float64, where deep networks do not overflow. Unit: that of a weight to the power of twice the depth.
    Invariant when ReLU layers are rescaled.
    """
    barred = operations(subject) - POSITIVE
    if barred:
        raise UnsupportedModel(
            f"A sum over paths has no meaning through {', '.join(sorted(barred))}: it needs layers joined by ReLU, "
            "pooling and addition."
        )
    ones = torch.ones_like(subject.inputs[:1], dtype=torch.float64)
    return float(folded_logits(subject, [_squared(layer) for layer in layers(subject)], ones).sum())


def _squared(layer: Layer) -> Layer:
    bias = None if layer.bias is None else layer.bias.double().square()
    return replace(layer, weight=layer.weight.double().square(), bias=bias)
