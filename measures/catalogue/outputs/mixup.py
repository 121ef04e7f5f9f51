"""Consistency: whether mixtures of two examples of a class belong to it."""

from typing import Final

from torch import Tensor

from measures.api import Subject, measure
from measures.catalogue.representation.representation import davies_bouldin
from measures.passes.activations.mixtures import flow_of_mixtures, logits_of_hidden_mixtures

SOURCE: Final = "Natekar & Sharma 2020, arXiv:2012.02775, sec. 3.2"


@measure(
    source=SOURCE, family="representation", expected_sign=-1, cost="shared forward and backward pass on 128 mixtures"
)
def mixup_acc(subject: Subject) -> float:
    r"""Accuracy on midpoints of two training inputs of one class, averaged over the classes.

    .. math:: \frac{1}{K'} \sum_k \frac{1}{s_k} \sum_{i : y_i = k}
        1 \left[ \arg\max f \left( \tfrac{1}{2} x_i + \tfrac{1}{2} x_{\pi(i)} \right) = k \right]

    Of min(m, 128) training examples, with pi(i) the next one of the class in the fixed draw, the first after the last;
    K' classes occur. Departs from the paper, which takes all pairs within a batch. No unit, between 0 and 1. Invariant
    when ReLU layers are rescaled or a constant is added to all logits.
    """
    found, labels = flow_of_mixtures(subject)
    return _accuracy(found.logits, labels)


@measure(source=SOURCE, family="representation", expected_sign=-1, cost="2 forward passes on 128 examples", version=2)
def manifold_mixup(subject: Subject) -> float:
    r"""Accuracy where the activation halfway through the network is the midpoint of two of one class.

    .. math:: \frac{1}{K'} \sum_k \frac{1}{s_k} \sum_{i : y_i = k}
        1 \left[ \arg\max g \left( \tfrac{1}{2} h(x_i) + \tfrac{1}{2} h(x_{\pi(i)}) \right) = k \right]

    f = g o h at the middle of the activations that all paths lead through, counted with the input, the later of two;
    pairs as in `mixup_acc`. A network of one layer has the input alone, and then this is `mixup_acc`. Departs from the
    published code, which mixes what the first layer gives before its nonlinearity: an affine layer makes midpoints of
    midpoints, so that this is input mixup again. No unit. Invariant when ReLU layers are rescaled or a constant is
    added to all logits.
    """
    return _accuracy(*logits_of_hidden_mixtures(subject))


@measure(source=f"{SOURCE} (the winner of PGDL)", family="representation", cost="those of its two factors", version=2)
def dbi_mixup(subject: Subject) -> float:
    r"""The Davies-Bouldin index of the first features times the error on mixtures within a class.

    .. math:: \mathrm{DB} \cdot (1 - \mathrm{acc})

    See `davies_bouldin` and `mixup_acc`. Zero for every network that gets all mixtures right. No unit.
    """
    return davies_bouldin(subject) * (1 - mixup_acc(subject))


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    """Mean over the classes that occur of the share of right answers."""
    right = (logits.argmax(1) == labels).double()
    shares = [float(right[labels == k].mean()) for k in labels.unique().tolist()]
    return sum(shares) / len(shares)
