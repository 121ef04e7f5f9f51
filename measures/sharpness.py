"""Sharpness: how far the training loss rises within a ball around the weights."""

from typing import Final

import torch
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModel, measure
from measures.passes.outputs import losses
from measures.passes.per_sample import gradient_statistics

RHO: Final = 0.05  # radius in Euclidean norm; the default of the paper


@measure(source="Foret et al. 2021, arXiv:2010.01412, eq. 2", family="sharpness")
def sam_sharpness(subject: Subject) -> float:
    r"""Rise of the mean training loss after one step of length rho up its gradient.

    .. math:: L(w + \rho\, g / \lVert g \rVert_2) - L(w), \quad g = \nabla L(w), \quad \rho = 0.05

    L is the mean cross-entropy in nats over all training examples, g is with respect to all trainable parameters. The
    paper's maximum over the ball is replaced by its own first-order solution, and its batches by the training set.
    Unit: nats. Not invariant to the rescaling of layers.
    """
    gradient = gradient_statistics(subject).mean
    norm = float(torch.stack([g.square().sum() for g in gradient.values()]).sum().sqrt())
    if norm == 0:
        raise UnsupportedModel("The gradient of its training loss is exactly zero: there is no direction of ascent.")
    raised = {name: w + RHO / norm * gradient[name] for name, w in subject.params.items()}
    with torch.no_grad():
        at_top = sum(
            float(cross_entropy(subject.forward(raised, x), y, reduction="sum").double()) for x, y in subject.batches()
        )
    return at_top / subject.num_examples - float(losses(subject).double().mean())
