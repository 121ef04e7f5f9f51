"""Estimates of the test error from unlabeled inputs: disagreement with a twin, confidence."""

from typing import Final

from torch import Tensor

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.augmentations import shift
from measures.passes.activations.outputs import finite_logits, logits, twin_unlabeled_logits, unlabeled_logits

SHIFT: Final = 1 / 8  # of the side of an image, the customary 4 pixels of 32; keeps the label
SHIFTS: Final = tuple((down, right) for down in (-SHIFT, SHIFT) for right in (-SHIFT, SHIFT))  # to the four corners


@measure(
    source="Jiang et al. 2022, arXiv:2106.13799, eq. 1; Nakkiran & Bansal 2020, arXiv:2009.08092",
    family="disagreement",
    needs={"twin", "unlabeled"},
    cost="2 shared forward passes over the unlabeled inputs",
)
def gde_disagreement(subject: Subject) -> float:
    r"""Share of the unlabeled inputs on which the network and its twin predict different classes.

    .. math:: \frac{1}{|U|} \sum_{x \in U} 1[h(x) \ne h'(x)]

    An estimate of the test error, not of the gap: for networks that fit their training set the two agree. U has the
    distribution of the test set. No unit, between 0 and 1.
    """
    return _disagreement(unlabeled_logits(subject), twin_unlabeled_logits(subject))


@measure(
    source="Jiang et al. 2022, arXiv:2106.13799, eq. 1, on augmented training images",
    family="disagreement",
    needs={"twin"},
    cost="8 forward passes",
    version=2,
)
def disagreement_train_aug(subject: Subject) -> float:
    r"""Share of shifted training images on which the network and its twin predict different classes.

    .. math:: \frac{1}{4 m} \sum_{i, j} 1[h(T_j x_i) \ne h'(T_j x_i)]

    T_j are the four shifts by an eighth of both sides (rounded up) towards the corners; the border is repeated. Departs
    from the paper, whose inputs are new draws from the distribution of the test set: this one sees training data alone.
    No unit, between 0 and 1.
    """
    if subject.inputs.dim() != 4:  # noqa: PLR2004  [n, c, h, w]
        raise UnsupportedModelError(
            f"Only images [n, c, h, w] can be shifted; its inputs are {tuple(subject.inputs.shape)}."
        )
    different = [
        _disagreement(
            *(finite_logits(network, shift(subject.inputs, *by)) for network in (subject.model, subject.twin))
        )
        for by in SHIFTS
    ]
    return sum(different) / len(different)


@measure(
    source="Jiang et al. 2022, arXiv:2106.13799, sec. 4 (calibration implies it)",
    family="disagreement",
    needs={"unlabeled"},
    cost="shared forward pass over the unlabeled inputs",
)
def self_gde(subject: Subject) -> float:
    r"""Probability that two answers drawn from the network's own distribution differ, on unlabeled inputs.

    .. math:: 1 - \frac{1}{|U|} \sum_{x \in U} \sum_k p_k(x)^2

    The disagreement of a network with itself, were it calibrated; the paper has the mean of an ensemble for p. An
    estimate of the test error, not of the gap. No unit, between 0 and 1.
    """
    return 1 - float(_unlabeled_probabilities(subject).square().sum(1).mean())


@measure(
    source="Garg et al. 2022, arXiv:2201.04234, sec. 4, eqs. 1 and 2 (average thresholded confidence)",
    family="disagreement",
    needs={"unlabeled"},
    cost="shared forward passes over training and unlabeled inputs",
)
def atc(subject: Subject) -> float:
    r"""Share of unlabeled inputs on which the network is less sure than the training error leads to expect.

    .. math:: \frac{1}{|U|} \sum_{x \in U} 1 \left[ \max_k p_k(x) < t \right], \quad
        \frac{1}{m} \sum_i 1 \left[ \max_k p_k(x_i) < t \right] = \mathrm{error}(S)

    t is the (e + 1)-th smallest confidence of a training example, e of which are misclassified; with every example
    misclassified it is larger than any. Departs from the paper, which finds t on held-out labelled data: a measure sees
    none, and for a network that fits its training set t is its least confidence there. An estimate of the test error,
    not of the gap. No unit, between 0 and 1.
    """
    on_training = logits(subject)
    errors = int((on_training.argmax(1) != subject.labels).sum())
    if errors == subject.num_examples:
        return 1.0
    threshold = on_training.double().softmax(1).amax(1).sort().values[errors]
    return float((_unlabeled_probabilities(subject).amax(1) < threshold).double().mean())


@measure(
    source="Guillory et al. 2021, arXiv:2107.03315 (difference of confidences)",
    family="disagreement",
    needs={"unlabeled"},
    cost="shared forward passes over training and unlabeled inputs",
)
def confidence_drop(subject: Subject) -> float:
    r"""How much less sure the network is of unlabeled inputs than of its training inputs.

    .. math:: \frac{1}{m} \sum_i \max_k p_k(x_i) - \frac{1}{|U|} \sum_{x \in U} \max_k p_k(x)

    Departs from the paper, whose first mean is over held-out data: on training data it estimates the gap itself. No
    unit, between -1 and 1.
    """
    on_training = logits(subject).double().softmax(1).amax(1).mean()
    return float(on_training - _unlabeled_probabilities(subject).amax(1).mean())


@measure(
    source="Garg et al. 2022, arXiv:2201.04234, sec. 5 (average confidence); Hendrycks & Gimpel 2017, arXiv:1610.02136",
    family="disagreement",
    needs={"unlabeled"},
    expected_sign=-1,
    cost="shared forward pass over the unlabeled inputs",
)
def average_confidence(subject: Subject) -> float:
    r"""Mean probability of the predicted class on unlabeled inputs.

    .. math:: \frac{1}{|U|} \sum_{x \in U} \max_k p_k(x)

    The accuracy on unlabeled inputs, were the network calibrated. No unit, between 1/K and 1.
    """
    return float(_unlabeled_probabilities(subject).amax(1).mean())


def _unlabeled_probabilities(subject: Subject) -> Tensor:
    """Probabilities [m, k] of the unlabeled inputs, in float64."""
    return unlabeled_logits(subject).double().softmax(1)


def _disagreement(ours: Tensor, others: Tensor) -> float:
    """Share of the inputs to which two networks' logits [n, k] give different classes."""
    return float((ours.argmax(1) != others.argmax(1)).double().mean())
