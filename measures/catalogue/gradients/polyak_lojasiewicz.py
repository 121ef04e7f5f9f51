"""The Polyak-Lojasiewicz constant of the training loss."""

from measures.api import Subject, UnsupportedModelError, measure
from measures.catalogue.gradients.gradients import SWEEP
from measures.passes.activations.outputs import losses
from measures.passes.gradients.per_sample import gradient_statistics


@measure(source="Liu, Zhu & Belkin 2022, arXiv:2003.00307 (PL*); Charles & Papailiopoulos 2018, arXiv:1710.08402",
         family="gradient", expected_sign=-1, cost=SWEEP)  # fmt: skip
def pl_constant(subject: Subject) -> float:
    r"""Polyak-Lojasiewicz constant at the trained weights.

    .. math:: \mu = \frac{\lVert \nabla L(w) \rVert_2^2}{2 L(w)}

    with the mean cross-entropy L over the training examples, whose infimum is zero: the largest mu for which the
    condition PL* holds there. Charles & Papailiopoulos bound the stability of algorithms that converge by the inverse
    of the constant, hence the sign. Departs from the papers, where one constant holds in a region. Unit: nats per
    squared unit of weight. Changes when layers are rescaled.
    """
    loss = float(losses(subject).double().mean())
    if loss == 0:
        raise UnsupportedModelError("Its training loss is exactly zero.")
    mean = gradient_statistics(subject).mean
    return sum(float(part.double().square().sum()) for part in mean.values()) / (2 * loss)
