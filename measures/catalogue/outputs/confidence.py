"""Confidence and calibration on the training examples.

All of them are functions of the predicted distributions. Where every training example is classified correctly they are
two groups that order networks in opposite ways: doubt (`brier`, `label_surprise`, `train_ece`, `train_classwise_ece`,
and `cross_entropy` among the controls) and sureness (`confidence`, `neg_entropy`, `logit_norm`, and the margins). Signs
agree with each other: doubt that is left on the data it was trained on predicts a larger gap, sureness a smaller one.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from measures.api import Subject, measure
from measures.passes.activations.outputs import logits, losses

BINS: Final = 15  # of equal width; Guo et al. 2017
HARDEST: Final = 0.1  # share of the training examples


@measure(
    source="Jiang et al. 2020, arXiv:1912.02178, eq. 23; Pereyra et al. 2017, arXiv:1701.06548",
    family="output",
    expected_sign=-1,
    cost="shared forward pass",
)
def neg_entropy(subject: Subject) -> float:
    r"""Mean negative entropy of the predicted distributions.

    .. math:: \frac{1}{m} \sum_i \sum_k p_{ik} \log p_{ik}, \quad p_i = \mathrm{softmax} f(x_i)

    Sign: the opposite of `cross_entropy`, of which it is nearly the negative where every example is classified
    correctly; both are complexities in Jiang et al. and cannot both rise with the gap. The penalty of Pereyra et al. on
    sure predictions acts in training, and says nothing of networks that were trained without it. Unit: nats, from -log
    K for the uniform distribution to 0. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    log_p = logits(subject).double().log_softmax(1)
    return float((log_p.exp() * log_p).sum(1).mean())


@measure(source="Hendrycks & Gimpel 2017, arXiv:1610.02136, sec. 3", family="output", expected_sign=-1,
         cost="shared forward pass")  # fmt: skip
def confidence(subject: Subject) -> float:
    r"""Mean probability of the predicted class.

    .. math:: \frac{1}{m} \sum_i \max_k p_{ik}

    Sign: the paper finds answers of high probability right more often than others. No unit, between 1/K and 1.
    Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    return float(_probabilities(subject).amax(1).mean())


@measure(
    source="Andriushchenko et al. 2023, arXiv:2302.07011, sec. 3 (the normalisation of logits)",
    family="output",
    expected_sign=-1,
    cost="shared forward pass",
)
def logit_norm(subject: Subject) -> float:
    r"""Mean Euclidean norm of the centred logits.

    .. math:: \frac{1}{m} \sum_i \Big\lVert f(x_i) - \frac{1}{K} \sum_k f(x_i)_k \Big\rVert_2

    The source divides logits by it, since sharpness falls as it grows; as a measure it stands alone. Sign: that of the
    margins, which it bounds: a margin is at most sqrt 2 times the norm of the centred logits. Unit: logits. Invariant
    when ReLU layers are rescaled or a constant is added to all logits.
    """
    answers = logits(subject).double()
    return float((answers - answers.mean(1, keepdim=True)).norm(dim=1).mean())


@measure(source="Guo et al. 2017, arXiv:1706.04599, eq. 3", family="output", cost="shared forward pass")
def train_ece(subject: Subject) -> float:
    r"""Expected calibration error on the training examples.

    .. math:: \sum_{b=1}^{15} \frac{|B_b|}{m} \left| \mathrm{acc}(B_b) - \mathrm{conf}(B_b) \right|

    Bin b holds the examples whose largest probability lies in ((b - 1) / 15, b / 15]. On training data, and so a
    statement about the fit; the paper's is about held-out data. Sign: the paper finds that calibration worsens as
    networks overfit; where every training example is classified correctly the error is the doubt that is left. No unit,
    between 0 and 1.
    """
    sure, predicted = _probabilities(subject).max(1)
    return _calibration_error(sure, predicted == subject.labels)


@measure(
    source="Kumar et al. 2019, arXiv:1909.10155, definition 2.4 (marginal calibration); Nixon et al. 2019, "
    "arXiv:1904.01685 (static calibration error)",
    family="output",
    cost="shared forward pass",
)
def train_classwise_ece(subject: Subject) -> float:
    r"""Expected calibration error of every class's probability, averaged over the classes.

    .. math:: \frac{1}{K} \sum_k \sum_{b=1}^{15} \frac{|B_{kb}|}{m}
        \left| \frac{|\{i \in B_{kb} : y_i = k\}|}{|B_{kb}|} - \frac{1}{|B_{kb}|} \sum_{i \in B_{kb}} p_{ik} \right|

    B_kb holds all examples whose probability of class k lies in ((b - 1) / 15, b / 15], with 0 in the first bin;
    absolute values as in Nixon et al., where Kumar et al. have squares. On training data. Sign as of `train_ece`. No
    unit, between 0 and 1.
    """
    p = _probabilities(subject)
    errors = [_calibration_error(p[:, k], subject.labels == k) for k in range(subject.num_classes)]
    return sum(errors) / len(errors)


@measure(source="Brier 1950, Monthly Weather Review 78(1)", family="output", cost="shared forward pass")
def brier(subject: Subject) -> float:
    r"""Mean squared distance of the predicted distribution from the label.

    .. math:: \frac{1}{m} \sum_i \sum_k \left( p_{ik} - 1[y_i = k] \right)^2

    Summed over classes, not averaged: between 0 and 2. Sign: a loss, as `cross_entropy`. No unit. Invariant when ReLU
    layers are rescaled or a constant is added to all logits.
    """
    p = _probabilities(subject)
    return float((p - one_hot(subject.labels, subject.num_classes)).square().sum(1).mean())


@measure(
    source="Feldman 2020, arXiv:1906.05271 (long tails are memorised); the statistic is gapbench's own",
    family="output",
    cost="shared forward pass",
)
def label_surprise(subject: Subject) -> float:
    r"""Mean cross-entropy of the hardest tenth of the training examples.

    .. math:: \frac{1}{h} \sum_{j=1}^{h} \ell_{(j)}, \quad \ell_{(1)} \ge \ell_{(2)} \ge \dots, \quad
        h = \lceil m / 10 \rceil

    Sign: a loss, as `cross_entropy`; the examples that are hardest to fit are those of the long tail, whose like the
    test set has too. Unit: nats. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    hardest = -(-subject.num_examples // round(1 / HARDEST))
    return float(losses(subject).double().topk(hardest).values.mean())


def _probabilities(subject: Subject) -> Tensor:
    return logits(subject).double().softmax(1)


def _calibration_error(sure: Tensor, right: Tensor) -> float:
    """Weighted mean over bins of the absolute difference between claimed [n] and true [n] frequency."""
    place = (sure * BINS).ceil().long().clamp(1, BINS) - 1
    excess = torch.zeros(BINS, dtype=sure.dtype, device=sure.device).index_add(0, place, sure - right.to(sure.dtype))
    return float(excess.abs().sum() / len(sure))
