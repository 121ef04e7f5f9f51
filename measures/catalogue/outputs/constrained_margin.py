"""Margins of the input along the directions in which the training data vary most."""

from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, UnsupportedModelError, measure
from measures.catalogue.outputs.input_margins import GRADIENT_FLOOR
from measures.catalogue.outputs.margins import percentile
from measures.passes.activations.features import FEATURE_EXAMPLES, FLOW_EXAMPLES, margin_of, sample_examples

RANK_TOLERANCE: Final = 1e-10  # variances below it, relative to the largest, are rounding


@measure(source="Mouton et al. 2023, arXiv:2308.15466 (constrained margins)", family="margin", expected_sign=-1,
         cost="1 forward and backward pass on 256 examples; principal components of 400")  # fmt: skip
def constrained_margin(subject: Subject) -> float:
    r"""The 10th percentile of first-order distances from the boundary within the leading principal components.

    .. math:: \frac{f_y(x) - f_c(x)}{\sqrt{\lVert P\, \nabla_x (f_y - f_c)(x) \rVert_2^2 + 10^{-6}}}

    P has as rows the leading principal components of min(m, 400) training inputs, up to the elbow of their variances:
    the one that lies farthest below the line from the first to the last (Satopaa et al. 2011). The other class c is the
    best besides the label, so that the distance is negative where the answer is wrong. Departs from the paper, which
    refines the distance by steps of DeepFool within the span and takes the mean: this is the first step, and the
    percentile is that of `input_margin`, since an example without a gradient would decide a mean. The paper finds these
    margins larger where networks generalize better, hence the sign. Of min(m, 256) training examples. Unit: that of a
    normalised input, Euclidean over the whole image. Invariant when ReLU layers are rescaled or a constant is added to
    all logits.
    """
    subject.require_real_inputs()
    directions = leading_components(sample_examples(subject, FEATURE_EXAMPLES).inputs.flatten(1).double())
    sample = sample_examples(subject, FLOW_EXAMPLES)
    distances = []
    for x, y in zip(sample.inputs.split(CHUNK), sample.labels.split(CHUNK), strict=True):
        leaf = x.clone().requires_grad_()
        with torch.enable_grad():
            margins = margin_of(subject.logits_of(leaf), y)
            (gradients,) = torch.autograd.grad(margins.sum(), leaf)
        along = gradients.flatten(1).double() @ directions
        distances.append(margins.detach().double() / (along.square().sum(1) + GRADIENT_FLOOR).sqrt())
    return percentile(torch.cat(distances))


def leading_components(points: Tensor) -> Tensor:
    """Principal components [d, r] of points [n, d], in columns, up to the elbow of their variances.

    Raises:
        UnsupportedModelError: all points are the same.
    """
    centred = points - points.mean(0)
    tall = len(points) > points.shape[1]
    variances, vectors = torch.linalg.eigh(centred.T @ centred if tall else centred @ centred.T)
    variances, vectors = variances.flip(0), vectors.flip(1)
    if variances[0] <= 0:
        raise UnsupportedModelError("Its training inputs are all the same.")
    kept = elbow(variances[variances > RANK_TOLERANCE * variances[0]])
    return vectors[:, :kept] if tall else torch.nn.functional.normalize(centred.T @ vectors[:, :kept], dim=0)


def elbow(curve: Tensor) -> int:
    """How many points of a falling curve [r] there are up to the one farthest below the line between its ends."""
    if len(curve) < 3 or curve[0] == curve[-1]:  # noqa: PLR2004  a line has no elbow
        return len(curve)
    height = (curve - curve[-1]) / (curve[0] - curve[-1])
    across = torch.linspace(0, 1, len(curve), dtype=curve.dtype, device=curve.device)
    return int((1 - across - height).argmax()) + 1
