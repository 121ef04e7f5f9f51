"""Training losses with their penalties, for all members of a fleet at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from zoo.recipe_fields import Loss


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The loss of one member.

    Attributes:
        loss: cross-entropy in nats, or half the squared distance of the logits from the one-hot label.
        label_smoothing: share of the target that is spread evenly over the k classes.
        spectral_decoupling: lambda; adds lambda / 2 times the mean squared norm of the logits [b, k].
        logit_scale: [k], multiplies the logit of each class before the cross-entropy; none if None.
    """

    loss: Loss = "cross_entropy"
    label_smoothing: float = 0.0
    spectral_decoupling: float = 0.0
    logit_scale: Tensor | None = None


class StackedObjective:
    """The losses of several members.

    Args:
        members: their objectives, all of one `loss`.
        like: gives device and dtype.
    """

    def __init__(self, members: Sequence[Objective], like: Tensor) -> None:
        self._loss: Loss = members[0].loss if members else "cross_entropy"
        self._smoothing = _stacked([m.label_smoothing for m in members], like)
        self._decoupling = _stacked([m.spectral_decoupling for m in members], like)
        scales = [m.logit_scale for m in members]
        self._scale: Tensor | None = None
        if any(scale is not None for scale in scales):
            classes = next(len(scale) for scale in scales if scale is not None)
            filled = [torch.ones(classes) if scale is None else scale for scale in scales]
            self._scale = torch.stack([scale.to(like) for scale in filled])
        self.plain = self._smoothing is self._decoupling is self._scale is None

    def __call__(
        self, logits: Tensor, labels: Tensor, targets: Tensor | None = None, weights: Tensor | None = None
    ) -> Tensor:
        """Mean loss [f] over the examples of each member.

        Args:
            logits: [f, b, k].
            labels: int64 [f, b].
            targets: probabilities [f, b, k] that are learned in place of the labels; none if None.
            weights: of the examples in the fit [f, b]; 1 / b each if None.
        """
        fitted = logits if self._scale is None else logits * self._scale.unsqueeze(1)
        losses = fit(fitted, labels, self._loss) if targets is None else -(targets * fitted.log_softmax(2)).sum(2)
        mean = losses.mean(1) if weights is None else (weights * losses).sum(1)
        if self._smoothing is not None:
            even = -fitted.log_softmax(2).mean((1, 2))
            mean = (1 - self._smoothing) * mean + self._smoothing * even
        if self._decoupling is not None:
            mean = mean + self._decoupling / 2 * logits.square().sum(2).mean(1)
        return mean


def fit(logits: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    """The loss [f, b] of each example without penalties, at `logits` [f, b, k] and `labels` [f, b]."""
    if loss == "cross_entropy":
        return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    one_hot = functional.one_hot(labels, logits.shape[-1]).to(logits)
    return (logits - one_hot).square().sum(-1) / 2


def class_scales(labels: Tensor, num_classes: int, gamma: float) -> Tensor:
    r"""Multiplicative logit adjustment [k] of the vector-scaling loss, Kini et al. 2021, arXiv:2103.01550, eq. 2.

    .. math:: \Delta_y = (n_y / \max_c n_c)^\gamma

    with n_c the number of training labels [n] of class c; the additive adjustment of the paper is left out, since past
    zero training error it has no effect. A class without a label has the factor 1.
    """
    counts = torch.bincount(labels, minlength=num_classes).double()
    return torch.where(counts > 0, (counts / counts.max()) ** gamma, 1.0)


def _stacked(values: Sequence[float], like: Tensor) -> Tensor | None:
    """Values as a tensor [f]; None if all are zero, so that members without penalties cost nothing."""
    return torch.tensor(values, dtype=like.dtype, device=like.device) if any(values) else None
