"""Stopping rule of a network: at its target loss, after its last epoch, or when it diverges."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from zoo.recipe import Recipe
from zoo.training.member import Run
from zoo.training.record import Stopped

CHECK_FACTOR: Final = 4.0  # the mean over an epoch lags behind its end; a wider net only costs evaluations


def stops_after_epoch(
    runs: Sequence[Run], losses: Sequence[float], train_losses: Callable[[Sequence[int]], Sequence[float]]
) -> dict[int, Stopped]:
    """Find the members that stop after this epoch, with the reason.

    Args:
        runs: the members.
        losses: mean minibatch loss of each over the epoch.
        train_losses: computes the training losses of the members at some indices; called only for those whose
            minibatch loss is close to the target, or may stay far above it because of penalties.
    """
    stops: dict[int, Stopped] = {}
    close = []
    for index, (run, loss) in enumerate(zip(runs, losses, strict=True)):
        if not math.isfinite(loss):
            stops[index] = "diverged"
        elif loss <= CHECK_FACTOR * run.recipe.target_loss or (run.recipe.target_loss and _penalised(run.recipe)):
            close.append(index)
    if close:
        for index, loss in zip(close, train_losses(close), strict=True):
            if loss <= runs[index].recipe.target_loss:
                stops[index] = "target"
    for index, run in enumerate(runs):
        if run.clock >= run.recipe.max_epochs:
            stops.setdefault(index, "epochs")
    return stops


def _penalised(r: Recipe) -> bool:
    """Whether minibatch losses may stay far above the loss of the stopping rule, so that it is checked every epoch."""
    penalties = (r.label_smoothing, r.spectral_decoupling, r.vector_scaling, r.dropout, r.label_resampling)
    return any(penalties) or r.augmentation != "none" or r.adversarial_radius > 0 or r.teacher is not None
