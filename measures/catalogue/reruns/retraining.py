"""Measures that retrain the network on noisy labels, random labels, or fewer examples.

All measures share one batch of nine trainings by the subject's own recipe: see `measures.passes.refits`. "Own labels"
are those that the subject was trained on, whether or not they are true.
"""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from measures.api import CHUNK, Subject, UnsupportedModelError, measure
from measures.catalogue.gradients.trajectory import crossing
from measures.passes.activations.outputs import logits
from measures.passes.refits import TRAININGS, logits_under, losses_under, refits

FITTED: Final = 0.1  # nats; the speed of fitting is taken at this loss, or at the lowest that both networks reach


@measure(
    source="Bansal, Kaplun & Barak 2021, arXiv:2010.08508 (robustness gap)",
    family="information",
    needs={"refit"},
    cost=TRAININGS,
)
def rrm_robustness(subject: Subject) -> float:
    r"""How much training accuracy is lost when a twentieth of the labels is wrong.

    .. math:: \max(0, \mathrm{Train} - \mathrm{Train}(\eta)), \quad \eta = 0.05

    Train is the accuracy of the network on its own labels, Train(eta) that, on the same labels, of a network trained
    from the same start with a share eta of them moved to other classes. Departs from the paper in that exactly
    round(eta n) labels are wrong, where it redraws each with probability eta from all classes; and in one draw instead
    of an expectation. No unit, between 0 and 1.
    """
    clean = float((logits(subject).argmax(1) == subject.labels).double().mean())
    return max(0.0, clean - float(_right_despite_noise(subject).mean()))


@measure(
    source="Bansal, Kaplun & Barak 2021, arXiv:2010.08508 (memorization gap)",
    family="information",
    needs={"refit"},
    cost=TRAININGS,
)
def rrm_memorization(subject: Subject) -> float:
    r"""How much better a network trained with wrong labels answers where they are right.

    .. math:: \max(0, \mathrm{Train}(\eta) - \mathrm{NTrain}(\eta)), \quad \eta = 0.05

    Train(eta) as in `rrm_robustness`; NTrain(eta) is the accuracy, on the original labels, at the examples whose label
    was made wrong: zero for a network that learnt them by heart. Departs from the paper as `rrm_robustness` does. No
    unit, between 0 and 1.
    """
    right, wrong = _right_despite_noise(subject), refits(subject).noisy_labels != subject.labels
    return max(0.0, float(right.mean()) - float(right[wrong].mean()))


@measure(
    source="Zhang et al. 2017, arXiv:1611.03530, sec. 2; Arpit et al. 2017, arXiv:1706.05394",
    family="information",
    needs={"trajectory", "refit"},
    expected_sign=-1,
    cost=TRAININGS,
)
def noise_fit_speed(subject: Subject) -> float:
    r"""How many times as many steps random labels take to be fitted as the network's own labels.

    .. math:: t_{random}(\ell) / t_{own}(\ell), \quad \ell = \max(0.1, L_{own}, L_{random})

    t(l) is the step at which the training loss of each, from the same start, first came down to l, as in
    `steps_to_0_1`, and L_own, L_random are the mean losses of their last epochs: where one of them never reaches 0.1
    they are compared at the lowest loss that both reach. The papers show the curves and define no number. No unit.
    """
    own, random = subject.trajectory, refits(subject).random
    if not own.losses or not random.losses:
        raise UnsupportedModelError("Its trajectory has no losses: it was not trained for a single epoch.")
    start, level = math.log(subject.num_classes), max(FITTED, own.losses[-1], random.losses[-1])
    if level >= start:
        raise UnsupportedModelError(
            f"The labels were not fitted: the final loss is {level:.3g}, and that of guessing is {start:.3g}."
        )
    steps = [crossing(level, run.losses, run.steps_per_epoch, start=start, end=run.losses[-1]) for run in (own, random)]
    return float(steps[1] or 0.0) / float(steps[0] or 1.0)


@measure(
    source="Teng et al. 2023, Finding generalization measures by contrasting signal and noise (ICML)",
    family="information",
    needs={"trajectory", "refit"},
    cost=f"{TRAININGS}; 1 forward pass",
)
def ref_complexity(subject: Subject) -> float:
    r"""Relative fitting degree: how much of the loss is left on its own labels, over what is left on random ones.

    .. math:: \frac{L_{own}(w_E) / L_{own}(w_0)}{L_{random}(w'_E) / L_{random}(w_0)}

    L(w_E) is the mean training loss of the E-th epoch, E being the shorter of the two trainings, and L(w_0) the loss of
    their common start over all examples. Departs from the paper and its code in E, there the same number for all
    networks, which here end when they fit; in the loss over an epoch instead of one at its end; and in one draw of
    random labels instead of several. No unit.
    """
    again, trajectory = refits(subject), subject.trajectory
    epochs = min(len(trajectory.losses), len(again.random.losses))
    if epochs == 0 or not trajectory.checkpoints:
        raise UnsupportedModelError("Its trajectory has no losses or no checkpoint of its start.")
    then = trajectory.checkpoints[0]
    state = {name: v.to(subject.device) for name, v in {**then.buffers, **then.params}.items()}
    state = {name: v.to(subject.dtype) if v.is_floating_point() else v for name, v in state.items()}
    with torch.no_grad():
        answers = torch.cat([subject.forward(state, x) for x in subject.inputs.split(CHUNK)]).double()
    at_start = [float(functional.cross_entropy(answers, labels)) for labels in (subject.labels, again.random_labels)]
    own, random = trajectory.losses[epochs - 1] / at_start[0], again.random.losses[epochs - 1] / at_start[1]
    if random == 0:
        raise UnsupportedModelError("Random labels were fitted with a loss of exactly zero.")
    return own / random


@measure(
    source="Blier & Ollivier 2018, arXiv:1802.07044 (prequential code)",
    family="information",
    needs={"refit"},
    cost=TRAININGS,
)
def prequential_mdl(subject: Subject) -> float:
    r"""Bits an example that it takes to send the labels, each part coded by a network trained on those before.

    .. math:: \frac{1}{n} \Big( t_0 \log_2 k - \sum_{s=0}^{2} \sum_{i = t_s + 1}^{t_{s+1}}
        \log_2 p_{\theta_s}(y_i \mid x_i) \Big), \quad t = (n/8, n/4, n/2, n)

    theta_s is trained on the first t_s examples of a fixed random order, repeated to n, by the subject's recipe; the
    first t_0 labels are sent as they are. Departs from the paper in the few parts, and in that no temperature or early
    stop makes up for too much confidence. Unit: bits an example; labels at random take log2 k or more.
    """
    again, n = refits(subject), subject.num_examples
    sizes = sorted(again.of_prefixes)
    nats = sizes[0] * math.log(subject.num_classes)
    for size, following in zip(sizes, [*sizes[1:], n], strict=True):
        part = again.order[size:following]
        nats += float(losses_under(subject, again.of_prefixes[size], part).sum())
    return nats / math.log(2) / n


def _right_despite_noise(subject: Subject) -> Tensor:
    """Whether [n] the network that was trained with wrong labels gives the original label; 0 or 1, float64."""
    noisy = refits(subject).noisy
    return (logits_under(subject, noisy, subject.inputs).argmax(1) == subject.labels).double()
