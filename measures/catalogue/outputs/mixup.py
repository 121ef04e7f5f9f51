"""Accuracy on mixtures of two examples of a class: input and manifold mixup."""

from typing import Final

from torch import Tensor

from measures.api import Subject, measure
from measures.catalogue.representation.representation import davies_bouldin
from measures.passes.activations.mixtures import logits_of_hidden_mixtures, logits_of_mixtures

SOURCE: Final = "Natekar & Sharma 2020, arXiv:2012.02775, sec. 3.2"


@measure(
    source=SOURCE,
    family="representation",
    expected_sign=-1,
    cost="1 forward pass on up to 4096 midpoints",
    version=2,
)
def mixup_acc(subject: Subject) -> float:
    r"""Accuracy on midpoints of two training inputs of one class, averaged over the classes.

    .. math:: \frac{1}{K'} \sum_k \frac{1}{|P_k|} \sum_{(i, j) \in P_k}
        1 \left[ \arg\max f \left( \tfrac{1}{2} x_i + \tfrac{1}{2} x_j \right) = k \right]

    P_k are all pairs of examples of class k, as in the paper's batches; where the classes have more than 4096 pairs in
    all, those of each example with the next few of its class in the fixed draw. K' classes occur. No unit, between 0
    and 1. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    return _accuracy(*logits_of_mixtures(subject))


@measure(
    source=SOURCE,
    family="representation",
    expected_sign=-1,
    cost="1 forward pass on up to 1024 midpoints, 1 on their examples",
    version=2,
)
def manifold_mixup(subject: Subject) -> float:
    r"""Accuracy where the activation halfway through the network is the midpoint of two of one class.

    .. math:: \frac{1}{K'} \sum_k \frac{1}{|P_k|} \sum_{(i, j) \in P_k}
        1 \left[ \arg\max g \left( \tfrac{1}{2} h(x_i) + \tfrac{1}{2} h(x_j) \right) = k \right]

    f = g o h at the middle of the activations that all paths lead through, counted with the input, the later of two;
    about 1024 pairs, chosen as in `mixup_acc`. A network of one layer has the input alone, and then this is
    `mixup_acc`. Departs from the published code, which mixes what the first layer gives before its nonlinearity: an
    affine layer makes midpoints of midpoints, so that this is input mixup again. No unit. Invariant when ReLU layers
    are rescaled or a constant is added to all logits.
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
