"""First-order margins: at the input, in hidden layers, of all layers jointly, and of mixtures."""

from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.outputs.margins import percentile
from measures.passes.activations.bottlenecks import bottlenecks, hidden_bottlenecks
from measures.passes.activations.features import Flow, compute_flow, flow
from measures.passes.activations.mixtures import augment_examples, flow_of_mixtures
from measures.per_layer import Layered

GRADIENT_FLOOR: Final = 1e-6  # added to squared gradient norms, so that flat regions divide by no zero (Elsayed et al.)
COST: Final = "shared forward and 2 backward passes on 256 examples"


@measure(
    source="Elsayed et al. 2018, arXiv:1803.05598 (first-order margin)",
    family="margin",
    expected_sign=-1,
    cost=COST,
    version=2,
)
def input_margin(subject: Subject) -> float:
    r"""The 10th percentile of the first-order distances of training inputs from the decision boundary.

    .. math:: \frac{f_y(x) - f_c(x)}{\sqrt{\lVert \nabla_x (f_y(x) - f_c(x)) \rVert_2^2 + 10^{-6}}}

    The other class c is the best besides the label: the runner-up, or the answer where it is wrong, so that the
    distance is negative there. Of min(m, 256) training examples; the percentile interpolates linearly. Unit: that of a
    normalised input, Euclidean over the whole image. Invariant when ReLU layers are rescaled or a constant is added to
    all logits.
    """
    return percentile(_distances(flow(subject), 0))


@measure(
    source="Jiang et al. 2019, arXiv:1810.00113 (margins, and their normalisation)",
    family="margin",
    expected_sign=-1,
    cost=COST,
    version=2,
)
def hidden_margin(subject: Subject) -> float:
    r"""The 10th percentile of the normalised first-order distances from the boundary, averaged over the layers.

    .. math:: \frac{1}{P} \sum_{p=1}^{P} Q_{10} \left( \frac{1}{\sqrt{\mathrm{tr}\, \mathrm{Cov}(h_p)}}
        \frac{f_y - f_c}{\sqrt{\lVert \nabla_{h_p} (f_y - f_c) \rVert_2^2 + 10^{-6}}} \right)

    h_p are the P activations that all paths lead through: the input, and what goes into each layer or residual block.
    The covariance, the total variation of the paper, is over the same min(m, 256) examples, with divisor n. Departs
    from the paper, which regresses the gap on five statistics of the distances at four layers: that needs a zoo to
    train on, and this is one number. No unit. Nearly invariant when ReLU layers are rescaled.
    """
    found = flow(subject)
    values = _normalised(subject, found)
    names = [place.layer for place in found.bottlenecks]
    return Layered(sum(values) / len(values), {name: v / len(values) for name, v in zip(names, values, strict=True)})


@measure(
    source="Jiang et al. 2019, arXiv:1810.00113 (margins, and their normalisation)",
    family="margin",
    expected_sign=-1,
    cost=COST,
    version=2,
)
def hidden_margin_first(subject: Subject) -> float:
    """The term of `hidden_margin` after the first layer, before the average over layers."""
    hidden_bottlenecks(subject)
    return _normalised(subject, flow(subject))[1]


@measure(
    source="Jiang et al. 2019, arXiv:1810.00113 (margins, and their normalisation)",
    family="margin",
    expected_sign=-1,
    cost=COST,
    version=2,
)
def hidden_margin_last(subject: Subject) -> float:
    """The term of `hidden_margin` at what goes into the last layer or block, before the average over layers."""
    hidden_bottlenecks(subject)
    return _normalised(subject, flow(subject))[-1]


@measure(
    source="Wei & Ma 2020, arXiv:1910.04284 (all-layer margin)", family="margin", expected_sign=-1, cost=COST, version=2
)
def all_layer_margin(subject: Subject) -> float:
    r"""The 10th percentile of the first-order all-layer margins: the least joint perturbation of all layers.

    .. math:: \frac{\gamma(x)}{\sqrt{\sum_{p=1}^{P} \lVert h_{p-1} \rVert_2^2 \lVert \nabla_{h_p} \gamma \rVert_2^2}}
        \approx \min_\delta \sqrt{\sum_p \lVert \delta_p \rVert_2^2}
        \text{ where } h_p + \delta_p \lVert h_{p-1} \rVert_2 \text{ instead of } h_p \text{ leaves no margin}

    The network is the composition of its blocks, h_p what comes out of the p-th, h_0 the input and h_P the logits;
    gamma is the output margin. Departs from the paper in that the least perturbation is that of the network linearised
    at the example, which is exact for one layer, and in that it is negative where the example is misclassified, where
    the paper has zero. Of min(m, 256) examples. No unit. Changes when layers are rescaled; invariant when a constant is
    added to all logits.
    """
    found = flow(subject)
    at_logits = torch.full_like(found.margin_gradients[:1], 2.0)  # the margin is a difference of two of them
    after = torch.cat([found.margin_gradients[1:], at_logits])
    slope = (found.activations * after).sum(0)
    if not slope.all():
        raise UnsupportedModelError(
            "For some example the inputs of all layers are zero, so that perturbations have no scale."
        )
    return percentile(found.margins / slope.sqrt())


@measure(
    source="Natekar & Sharma 2020, arXiv:2012.02775, sec. 3.3 (margins of mixtures)",
    family="margin",
    expected_sign=-1,
    cost="1 forward and backward pass on up to 512 midpoints",
    version=2,
)
def mixup_margin(subject: Subject) -> float:
    r"""Mean first-order distance from the boundary of midpoints within a class, after the first layer.

    .. math:: \frac{1}{s} \sum_i \frac{1}{\tilde\sigma(h_1)}
        \frac{f_y(\bar x_i) - f_c(\bar x_i)}{\sqrt{\lVert \nabla_{h_1} (f_y - f_c) \rVert_2^2 + 10^{-6}}}

    Of s midpoints of pairs of a class, about 512, chosen as in `mixup_acc`; h_1 is the activation behind the first
    layer, and sigma the mean of the standard deviations of its features over the midpoints, without a tenth at either
    end. Unit: none per feature. Nearly invariant when ReLU layers are rescaled.
    """
    hidden_bottlenecks(subject)
    return _mean_distance(flow_of_mixtures(subject))


@measure(
    source="Natekar & Sharma 2020, arXiv:2012.02775, sec. 3.3 (margins of augmented examples)",
    family="margin",
    expected_sign=-1,
    cost="1 forward and backward pass on up to 1024 augmented images",
    version=2,
)
def augment_margin(subject: Subject) -> float:
    r"""Mean first-order distance of augmented images from the boundary, after the first layer.

    .. math:: \frac{1}{s} \sum_i \frac{1}{\tilde\sigma(h_1)}
        \frac{f_y(A_i x_i) - f_c(A_i x_i)}{\sqrt{\lVert \nabla_{h_1} (f_y - f_c) \rVert_2^2 + 10^{-6}}}

    A_i mirrors or not, zooms in by a factor between 1 and 4/3, and changes contrast and brightness; each of min(m, 512)
    images is augmented twice, the second time with the opposite strengths, which lessens the noise of the draw.
    Everything else is as in `mixup_margin`. The strengths are gapbench's own. Nearly invariant when ReLU layers are
    rescaled.
    """
    hidden_bottlenecks(subject)
    sample = augment_examples(subject)
    return _mean_distance(compute_flow(subject, sample.inputs, sample.labels))


def _distances(found: Flow, place: int) -> Tensor:
    """First-order distances [n] of the activations at a place from the boundary."""
    return found.margins / (found.margin_gradients[place] + GRADIENT_FLOOR).sqrt()


def _normalised(subject: Subject, found: Flow) -> list[float]:
    """For each place the percentile of the distances over the root of the total variance of the activation."""
    still = [
        place.layer for place, v in zip(bottlenecks(subject), found.total_variance.tolist(), strict=True) if v == 0
    ]
    if still:
        raise UnsupportedModelError(f"The input of {still[0]!r} is the same for all examples.")
    deviations = found.total_variance.sqrt()
    return [percentile(_distances(found, p).double() / deviations[p]) for p in range(len(deviations))]


def _mean_distance(found: Flow) -> float:
    """Mean distance after the first layer in units of the trimmed mean deviation of a feature."""
    deviation = float(found.trimmed_deviation[1])
    if deviation == 0:
        raise UnsupportedModelError("Nearly all features after the first layer are the same for all examples.")
    return float(_distances(found, 1).double().mean()) / deviation
