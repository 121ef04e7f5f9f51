"""The test error without a test label: disagreement of two networks of the same recipe, and doubt of a single one."""

import math
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.outputs import finite_logits, logits, twin_unlabeled_logits, unlabeled_logits

NUM_SHIFTS: Final = 4  # shifted copies of each image: a resolution of 1/4 of that of the training set
SHIFT: Final = 1 / 8  # of the side of an image, the customary 4 pixels of 32; keeps the label


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
)
def disagreement_train_aug(subject: Subject) -> float:
    r"""Share of shifted training images on which the network and its twin predict different classes.

    .. math:: \frac{1}{4 m} \sum_{i, j} 1[h(T_{ij} x_i) \ne h'(T_{ij} x_i)]

    T_ij are 4 random shifts of each of the m images by up to an eighth of its side, down and across, the border
    repeated outwards. Departs from the paper, whose inputs are new draws from the distribution of the test set: this
    one sees training data alone. No unit, between 0 and 1.
    """
    if subject.inputs.dim() != 4:  # noqa: PLR2004  [n, c, h, w]
        raise UnsupportedModelError(
            f"Only images [n, c, h, w] can be shifted; its inputs are {tuple(subject.inputs.shape)}."
        )
    images = subject.inputs[subject.sample(subject.num_examples)]  # a shift belongs to an image, not to a place
    generator = subject.generator("shifts")
    shifted = torch.cat([randomly_shifted(images, generator) for _ in range(NUM_SHIFTS)])
    return _disagreement(finite_logits(subject.model, shifted), finite_logits(subject.twin, shifted))


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


def _unlabeled_probabilities(subject: Subject) -> Tensor:
    """Probabilities [m, k] of the unlabeled inputs, in float64."""
    return unlabeled_logits(subject).double().softmax(1)


def randomly_shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image [c, h, w] of [n, c, h, w] shifted by its own random offset, uniform up to SHIFT of its side."""
    n, _, h, w = images.shape
    reach_y, reach_x = math.ceil(h * SHIFT), math.ceil(w * SHIFT)
    padded = pad(images, (reach_x, reach_x, reach_y, reach_y), mode="replicate")

    def places(side: int, reach: int) -> Tensor:  # [n, side] in the padded image
        offsets = torch.randint(0, 2 * reach + 1, (n, 1), generator=generator, device=images.device)
        return offsets + torch.arange(side, device=images.device)

    rows, columns = places(h, reach_y), places(w, reach_x)
    example = torch.arange(n, device=images.device)[:, None, None]
    return padded[example, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _disagreement(ours: Tensor, others: Tensor) -> float:
    """Share of the inputs to which two networks' logits [n, k] give different classes."""
    return float((ours.argmax(1) != others.argmax(1)).double().mean())
