"""Measures of the training trajectory: speed of the loss, gradients at checkpoints.

Losses are cross-entropies in nats, gradients g_i at example i with respect to all parameters, in eval mode.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.gradients.gradients import variance
from measures.passes.activations.outputs import losses
from measures.passes.gradients.checkpoints import NUM_EXAMPLES, checkpoint_gradients, subject_at_checkpoint
from measures.passes.gradients.per_sample import gradient_statistics
from measures.training_history import Trajectory

LOSS_FLOOR: Final = 1e-12  # under the logarithm: a float32 loss may be exactly zero
LAST_EPOCHS: Final = 1  # E of TSE-E: what Ru et al. recommend


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 63",
    family="gradient",
    needs={"trajectory"},
    cost="1 forward pass",
)
def steps_to_0_1(subject: Subject) -> float:
    r"""Optimizer steps until the training cross-entropy came down to 0.1.

    .. math:: \min \{ t : L(w_t) \le 0.1 \}

    L is known at step 0, where it is taken as log k, that of equal probabilities, as the mean over each epoch, which is
    taken to be that at the epoch's middle, and at the end of training, where it is that of the trained network; between
    these log L is interpolated linearly. A network that never came so far has no such step. Unit: steps.
    """
    return _steps_to(subject, 0.1)


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 64",
    family="gradient",
    needs={"trajectory"},
    cost="1 forward pass",
)
def steps_0_1_to_0_01(subject: Subject) -> float:
    r"""Optimizer steps that it took to bring the training cross-entropy from 0.1 to 0.01.

    .. math:: \min \{ t : L(w_t) \le 0.01 \} - \min \{ t : L(w_t) \le 0.1 \}

    With L as in `steps_to_0_1`. Unit: steps.
    """
    return _steps_to(subject, 0.01) - _steps_to(subject, 0.1)


@measure(
    source="Lyle et al. 2020, arXiv:2010.14499; Ru et al. 2021, arXiv:2006.04492 (TSE)",
    family="gradient",
    needs={"trajectory"},
    cost="the trajectory's losses",
)
def sotl(subject: Subject) -> float:
    r"""Sum of the training losses over all optimizer steps.

    .. math:: \sum_t \ell(w_t; B_t) = s \sum_e \bar\ell_e

    with B_t the minibatch of step t, s the steps an epoch and l_e the mean of the losses in epoch e. Departs from Ru et
    al. in that networks are trained until they converge, not for equally many epochs. Unit: nats times steps.
    """
    trajectory = _with_losses(subject)
    return trajectory.steps_per_epoch * math.fsum(trajectory.losses)


@measure(
    source="Ru et al. 2021, arXiv:2006.04492 (TSE-E, E = 1)",
    family="gradient",
    needs={"trajectory"},
    cost="the trajectory's losses",
)
def sotl_e(subject: Subject) -> float:
    r"""Sum of the training losses over the optimizer steps of the last epoch.

    .. math:: s \sum_{e > T - 1} \bar\ell_e

    over the last of T epochs, the rest as in `sotl`. Unit: nats times steps.
    """
    trajectory = _with_losses(subject)
    return trajectory.steps_per_epoch * math.fsum(trajectory.losses[-LAST_EPOCHS:])


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 65",
    family="gradient",
    needs={"trajectory"},
    cost="per-sample gradients of 512 examples at one checkpoint",
    version=2,
)
def grad_noise_epoch1(subject: Subject) -> float:
    r"""Variance of the gradient over training examples after the first epoch.

    .. math:: \frac{1}{s} \sum_i \lVert g_i(w) - \bar g(w) \rVert_2^2

    at the checkpoint after one epoch, over s = min(n, 512) examples. Unit: nats squared per squared unit of weight.
    """
    first = next((kept for kept in subject.trajectory.checkpoints if kept.epoch == 1), None)
    if first is None:
        raise UnsupportedModelError("Its trajectory kept no checkpoint after the first epoch.")
    return variance(gradient_statistics(subject_at_checkpoint(subject, first, subject.sample(NUM_EXAMPLES))))


@measure(
    source="Pruthi et al. 2020, arXiv:2002.08484, sec. 3 (of minibatches)",
    family="stability",
    needs={"trajectory"},
    cost="per-sample gradients of 512 examples at up to 6 checkpoints, shared",
    version=2,
)
def tracin_self(subject: Subject) -> float:
    r"""Mean influence of a training example on its own loss, traced through training.

    .. math:: \frac{1}{s} \sum_i \sum_e \frac{\eta_e}{b} \lVert g_i(w_e) \rVert_2^2

    Example i is visited once an epoch e, in a minibatch of b and with learning rate eta_e; each visit lowers its loss
    to first order by the summand. ||g_i(w_e)||^2 is that at the middle of the epoch, interpolated linearly between
    checkpoints. Departs from the paper, which sums over checkpoints alone (its TracInCP), a number that grows with how
    many were kept; and the step is taken to be plain gradient descent whatever the optimizer. Unit: nats.
    """
    trajectory, along = subject.trajectory, checkpoint_gradients(subject)
    if len(along) < 3:  # noqa: PLR2004  gradients fall by orders of magnitude between the ends
        raise UnsupportedModelError(
            f"Influence is traced through checkpoints between the ends; it has {len(along)} in all."
        )
    middles = np.arange(len(trajectory.learning_rates)) + 0.5
    squares = np.interp(middles, [then.epoch for then in along], [float(t.squared_norms.mean()) for t in along])
    return float(squares @ np.asarray(trajectory.learning_rates)) / trajectory.batch_size


@measure(
    source="Hardt et al. 2016, arXiv:1509.01240, sec. 3 (convex losses)",
    family="stability",
    needs={"trajectory"},
    cost="per-sample gradients of 512 examples at up to 6 checkpoints, shared",
    version=2,
)
def sgd_stability_bound(subject: Subject) -> float:
    r"""Bound on the uniform stability of stochastic gradient descent on a convex loss.

    .. math:: \frac{2 L^2}{n} \sum_t \eta_t, \quad L = \max_{i, c} \lVert g_i(w_c) \rVert_2

    over the optimizer steps t and, for the Lipschitz constant L, the checkpoints c and min(n, 512) training examples.
    Departs from the theorem in its premises: the loss is not convex, L is that of the points met and not of all, and
    the optimizer may be another. Holds for minibatches of any size: an example is b / n as likely to be in one and has
    1 / b of its weight. Unit: nats.
    """
    trajectory = subject.trajectory
    lipschitz_squared = max(float(then.squared_norms.max()) for then in checkpoint_gradients(subject))
    length = trajectory.steps_per_epoch * math.fsum(trajectory.learning_rates)
    return 2 * lipschitz_squared * length / subject.num_examples


def crossing(level: float, losses: Sequence[float], steps_per_epoch: int, start: float, end: float) -> float | None:
    """Steps until the loss first came down to `level`, or None; see `steps_to_0_1`.

    Args:
        level: above zero.
        losses: mean of each epoch.
        steps_per_epoch: optimizer steps an epoch.
        start: the loss at step 0.
        end: the loss at the last step.
    """
    steps = [0.0, *((epoch + 0.5) * steps_per_epoch for epoch in range(len(losses))), len(losses) * steps_per_epoch]
    logs = [math.log(max(loss, LOSS_FLOOR)) for loss in (start, *losses, end)]
    target = math.log(level)
    reached = next((i for i, value in enumerate(logs) if value <= target), None)
    if reached is None or reached == 0:
        return None if reached is None else 0.0
    share = (logs[reached - 1] - target) / (logs[reached - 1] - logs[reached])
    return steps[reached - 1] + share * (steps[reached] - steps[reached - 1])


def _steps_to(subject: Subject, level: float) -> float:
    trajectory, end = _with_losses(subject), float(losses(subject).double().mean())
    start = math.log(subject.num_classes)
    steps = crossing(level, trajectory.losses, trajectory.steps_per_epoch, start, end)
    if steps is None:
        lowest = min(*trajectory.losses, end)
        raise UnsupportedModelError(
            f"Its training cross-entropy never came down to {level:g}; the lowest is {lowest:.3g}."
        )
    return steps


def _with_losses(subject: Subject) -> Trajectory:
    if not subject.trajectory.losses:
        raise UnsupportedModelError("Its trajectory has no losses: it was not trained for a single epoch.")
    return subject.trajectory
