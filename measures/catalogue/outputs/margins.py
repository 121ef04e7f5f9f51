"""Output margins: the logit of the label minus the largest other."""

import math
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.weights.norms import log_prod_of_spec, refuse_unbounded
from measures.passes.activations.outputs import margins, output_margin
from measures.passes.weights.folding import layers

PERCENTILE: Final = 10  # of the training examples may lie closer: the minimum would hang on one outlier (Jiang et al.)
MARGIN_FLOOR: Final = 1e-3  # a margin below it counts as this one: networks that do not fit are all equally bad
NUM_EXAMPLES: Final = 256  # bounds the cost of a forward pass for every checkpoint


@measure(source="Jiang et al. 2020, arXiv:1912.02178, eq. 22", family="margin", cost="shared forward pass")
def inverse_margin(subject: Subject) -> float:
    r"""Inverse square of the 10th percentile of the output margins.

    .. math:: 1 / \max(\gamma, 10^{-3})^2

    The margin is the logit of the label minus the largest other; the percentile interpolates linearly. Where it is not
    positive (more than a tenth of the examples misclassified) the code of Dziugaite et al. 2020 takes the
    absolute value, by which a bad fit looks like a good one; here all such networks share the largest value, 10^6.
    Unit: 1 / logit squared. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    return 1 / max(percentile(margins(subject)), MARGIN_FLOOR) ** 2


@measure(
    source="Bartlett et al. 2017, arXiv:1706.08498, sec. 1 (the margin)",
    family="margin",
    expected_sign=-1,
    cost="shared forward pass",
)
def mean_margin(subject: Subject) -> float:
    r"""Mean output margin over the training examples.

    .. math:: \frac{1}{m} \sum_i \left( f(x_i)_{y_i} - \max_{k \ne y_i} f(x_i)_k \right)

    Unit: logits. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    return float(margins(subject).double().mean())


@measure(
    source="Bartlett et al. 2017, arXiv:1706.08498, sec. 1",
    family="margin",
    expected_sign=-1,
    cost="shared forward pass, shared spectra",
    version=2,
)
def norm_margin_spec(subject: Subject) -> float:
    r"""The 10th percentile of the output margins over the product of spectral norms.

    .. math:: \gamma / \prod_j \lVert W_j \rVert_2

    Departs from the paper, which looks at the whole distribution and normalises also by the (2,1)-norms of the
    distances from a reference and by the data: this is its Lipschitz factor alone. Negative where more than a tenth of
    the examples is misclassified. Norms as in `prod_of_spec`. Invariant when ReLU layers are rescaled.
    """
    refuse_unbounded(subject)
    return percentile(margins(subject)) * math.exp(-log_prod_of_spec(subject) / 2)


@measure(
    source="Neyshabur et al. 2017, arXiv:1706.08947 (norms and margins)",
    family="margin",
    expected_sign=-1,
    cost="shared forward pass, weights",
    version=2,
)
def norm_margin_fro(subject: Subject) -> float:
    r"""The 10th percentile of the output margins over the product of Frobenius norms.

    .. math:: \gamma / \prod_j \lVert W_j \rVert_F

    Departs from the paper, whose capacity is the squared inverse of it with factors of depth and width. Negative where
    more than a tenth of the examples is misclassified. Layers as in `prod_of_spec`. Invariant when ReLU layers are
    rescaled.
    """
    refuse_unbounded(subject)
    norms = torch.stack([layer.weight.double().norm() for layer in layers(subject)])
    if not norms.all():
        raise UnsupportedModelError("Every layer must have a weight that is not zero; the product of norms is zero.")
    return percentile(margins(subject)) * math.exp(-float(norms.log().sum()))


@measure(
    source="Pleiss et al. 2020, arXiv:2001.10528, eq. 1",
    family="margin",
    needs={"trajectory"},
    expected_sign=-1,
    cost="1 forward pass a checkpoint on 256 examples",
    version=2,
)
def aum(subject: Subject) -> float:
    r"""Area under the margin: mean output margin over the checkpoints of training and the training examples.

    .. math:: \frac{1}{s T} \sum_{t=1}^{T} \sum_{i=1}^{s} \left( f_t(x_i)_{y_i} - \max_{k \ne y_i} f_t(x_i)_k \right)

    Departs from the paper, which averages over every epoch in the mode of training and ranks single examples: T are the
    checkpoints that were kept after initialization, in eval mode, each of the same weight, and s = min(m, 256) examples
    of a fixed draw. With no checkpoint between the ends it would be the margin of the trained network. Unit: logits.
    Invariant when ReLU layers are rescaled throughout or a constant is added to logits.
    """
    checkpoints = subject.trajectory.checkpoints
    if len(checkpoints) < 3:  # noqa: PLR2004  the ends and one between
        raise UnsupportedModelError(
            f"The area under the margin takes checkpoints between the ends; it has {len(checkpoints)} in all."
        )
    kept = [checkpoint for checkpoint in checkpoints if checkpoint.step > 0]
    total, seen = 0.0, 0
    with torch.no_grad():
        for checkpoint in kept:
            state = {
                name: value.to(subject.device, subject.dtype if value.is_floating_point() else value.dtype)
                for name, value in {**checkpoint.buffers, **checkpoint.params}.items()
            }
            for x, y in subject.batches(NUM_EXAMPLES):
                total += float(output_margin(subject.forward(state, x), y).double().sum())
                seen += len(y)
    return total / seen


def percentile(values: Tensor) -> float:
    """The 10th percentile of values [n], interpolated linearly between neighbours."""
    return float(torch.quantile(values.double(), PERCENTILE / 100))
