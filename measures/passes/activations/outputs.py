"""Logits of the training data, from one forward pass that serves every measure of outputs and margins."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from measures.api import CHUNK, Subject, UnsupportedModelError, shared


@shared
def logits(subject: Subject) -> Tensor:
    """Logits [n, k] of the training inputs under the trained parameters.

    Raises:
        UnsupportedModelError: some are not finite, and so no answers.
    """
    with torch.no_grad():
        found = torch.cat([subject.logits_of(x) for x in subject.inputs.split(CHUNK)])
    if not bool(found.isfinite().all()):
        raise UnsupportedModelError("Its logits on its training data are not all finite numbers.")
    return found


@shared
def unlabeled_logits(subject: Subject) -> Tensor:
    """Logits [m, k] of the unlabeled inputs; needs "unlabeled".

    Raises:
        UnsupportedModelError: some are not finite.
    """
    return finite_logits(subject.model, subject.unlabeled)


@shared
def twin_unlabeled_logits(subject: Subject) -> Tensor:
    """Logits [m, k] that the twin gives to the unlabeled inputs; needs "twin" and "unlabeled".

    Raises:
        UnsupportedModelError: some are not finite.
    """
    return finite_logits(subject.twin, subject.unlabeled)


def finite_logits(network: nn.Module, inputs: Tensor) -> Tensor:
    """Logits [n, k] of `inputs` [n, c, h, w].

    Raises:
        UnsupportedModelError: some are not finite.
    """
    with torch.no_grad():
        found = torch.cat([network(x) for x in inputs.split(CHUNK)])
    if not bool(found.isfinite().all()):
        raise UnsupportedModelError("The logits that are compared are not all finite numbers.")
    return found


@shared
def losses(subject: Subject) -> Tensor:
    """Cross-entropy [n] of each training example, in nats."""
    return functional.cross_entropy(logits(subject), subject.labels, reduction="none")


@shared
def margins(subject: Subject) -> Tensor:
    """Output margin [n]: the logit of the label minus the largest other logit; negative where misclassified."""
    return output_margin(logits(subject), subject.labels)


def output_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Margin [n] of `logits` [n, k] at `labels` [n]: correct logit minus the best other."""
    correct = logits.gather(1, labels.unsqueeze(1)).squeeze(1)
    others = logits.scatter(1, labels.unsqueeze(1), -torch.inf).amax(1)
    return correct - others
