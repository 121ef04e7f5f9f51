"""Stability to the seed and to the training data: disagreement, calibration, and divergence of retrained networks.

Most measures share one batch of nine trainings by the subject's own recipe: see `measures.passes.refits`.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from measures.api import Subject, measure
from measures.passes.activations.outputs import losses, twin_unlabeled_logits, unlabeled_logits
from measures.passes.refits import TRAININGS, logits_under, losses_under, predictions_under, refits


@measure(
    source="Harutyunyan et al. 2021, arXiv:2110.01584; Steinke & Zakynthinou 2020, arXiv:2001.09122 (evaluated)",
    family="information",
    needs={"refit"},
    cost=TRAININGS,
)
def f_cmi(subject: Subject) -> float:
    r"""Bound on the gap in accuracy from what correctness says about which of two examples was trained on.

    .. math:: \sqrt{2 I}, \quad
        I = (p_{10} + p_{01}) \Big( \log 2 - h\Big( \frac{p_{10}}{p_{10} + p_{01}} \Big) \Big)

    The examples of the two halves of the training set are paired, and of each pair a network has been trained on one.
    p_10 is the share of pairs (over the four networks) of which it answers rightly the one that it was trained on and
    wrongly the other, p_01 the reverse; h is the binary entropy in nats. I is the mutual information between the two
    outcomes in random order and which of them was trained on: equal outcomes carry no information. Departs from the
    papers in that outcomes are right or wrong, not predictions (the evaluated information), in one split for two seeds,
    and in that I is of all pairs together, which is at most the mean over pairs. No unit: accuracy.
    """
    trained, unseen = _halves_right(subject)
    shares = float((trained & ~unseen).double().mean()), float((~trained & unseen).double().mean())
    differing = sum(shares)
    return math.sqrt(2 * max(0.0, differing * math.log(2) - sum(_surprise(p, differing) for p in shares)))


@measure(
    source="Jiang et al. 2022, arXiv:2106.13799, eq. 6 (class-aggregated calibration error)",
    family="disagreement",
    needs={"refit"},
    cost=TRAININGS,
)
def ensemble_cace(subject: Subject) -> float:
    r"""Class-aggregated calibration error of two seeds on examples that they were not trained on.

    .. math:: \sum_{q \in \{0, 1/2, 1\}} \Big| \sum_k P(Y = k, \tilde h_k = q) - q \sum_k P(\tilde h_k = q) \Big|

    with h_k(x) the share of the two networks that answer k; those of one half of the training set answer for the other
    half. Departs from the paper, whose ensemble is larger, trained on all and judged on labelled test data, which a
    measure does not see. No unit, between 0 and k.
    """
    again = refits(subject)
    terms = torch.zeros(3, dtype=torch.float64)  # by q
    for networks, unseen in zip(again.of_halves, reversed(again.halves), strict=True):
        votes = torch.stack([predictions_under(subject, network, unseen) for network in networks])
        counts = functional.one_hot(votes, subject.num_classes).sum(0)  # [m, k]: 0, 1 or 2
        labels = functional.one_hot(subject.labels[unseen], subject.num_classes)
        for count in range(3):
            at = counts == count
            terms[count] += float(labels[at].sum()) - count / 2 * float(at.sum())
    return float(terms.abs().sum()) / subject.num_examples


@measure(
    source="Bousquet & Elisseeff 2002, JMLR 2, definition 4 (pointwise hypothesis stability)",
    family="stability",
    needs={"refit"},
    cost=f"{TRAININGS}; 1 forward pass",
)
def replace_one_stability(subject: Subject) -> float:
    r"""How much the loss at a training example changes when the network is trained without it.

    .. math:: \frac{1}{r} \sum_{i \in R} | \ell(A(S), z_i) - \ell(A(S^{\setminus R}), z_i) |

    A(S) is the network itself; the other is trained from the same start with copies of other examples in the places of
    the tenth R of the examples. Departs from the definition in leaving them out all at once, for one training instead
    of r. Unit: nats.
    """
    again = refits(subject)
    left_out = again.left_out
    before = losses(subject)[left_out].double()
    return float((before - losses_under(subject, again.without, left_out)).abs().mean())


@measure(
    source="Johnson & Zhang 2023, arXiv:2306.00169 (inconsistency)",
    family="stability",
    needs={"twin", "unlabeled"},
    cost="2 shared forward passes of the unlabeled inputs",
)
def inconsistency(subject: Subject) -> float:
    r"""How much the answers of the network and its twin differ, on the mean over the unlabeled inputs.

    .. math:: \frac{1}{2 |U|} \sum_{x \in U} \mathrm{KL}(p(x) \Vert p'(x)) + \mathrm{KL}(p'(x) \Vert p(x))

    One pair of seeds instead of the expectation over them. Unit: nats.
    """
    ours, twins = unlabeled_logits(subject), twin_unlabeled_logits(subject)
    return _symmetric_divergence(ours.double().log_softmax(1), twins.double().log_softmax(1))


@measure(
    source="Johnson & Zhang 2023, arXiv:2306.00169 (instability)",
    family="stability",
    needs={"refit", "unlabeled"},
    cost=f"{TRAININGS}; 4 forward passes of the unlabeled inputs",
)
def instability(subject: Subject) -> float:
    r"""How much the mean answers of networks differ that were trained on different data of the same kind.

    .. math:: \frac{1}{2 |U|} \sum_{x \in U} \mathrm{KL}(\bar p(x) \Vert \bar p'(x)) +
        \mathrm{KL}(\bar p'(x) \Vert \bar p(x))

    with the mean probabilities over two seeds on one half of the training set and on the other. Departs from the paper
    in the size of the data sets, there that of the training set, in one pair of them and two seeds. Unit: nats.
    """
    again, inputs = refits(subject), subject.unlabeled
    means = [
        torch.stack([logits_under(subject, fitted, inputs).double().log_softmax(1) for fitted in networks])
        .logsumexp(0)
        .sub(math.log(len(networks)))
        for networks in again.of_halves
    ]
    return _symmetric_divergence(*means)


def _symmetric_divergence(log_p: Tensor, log_q: Tensor) -> float:
    """Half the sum of both Kullback-Leibler divergences, mean over rows [n, k] of log-probabilities."""
    return float(((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(1).mean()) / 2


def _halves_right(subject: Subject) -> tuple[Tensor, Tensor]:
    """Whether four networks answer rightly the trained [4, m] and the unseen [4, m] example of each pair."""
    again = refits(subject)
    m = min(len(half) for half in again.halves)
    own, other = [], []
    for networks, half, rest in zip(again.of_halves, again.halves, reversed(again.halves), strict=True):
        for network in networks:
            own.append(predictions_under(subject, network, half[:m]) == subject.labels[half[:m]])
            other.append(predictions_under(subject, network, rest[:m]) == subject.labels[rest[:m]])
    return torch.stack(own), torch.stack(other)


def _surprise(p: float, total: float) -> float:
    """-p log(p / total), zero at p = 0."""
    return 0.0 if p == 0 else -p * math.log(p / total)
