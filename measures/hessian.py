"""Curvature of the training loss at the trained weights: top eigenvalue and trace of its Hessian."""

from measures.api import Subject, measure
from measures.passes.curvature import hessian_trace, top_of_spectrum


@measure(
    source="Keskar et al. 2017, arXiv:1609.04836; PyHessian, Yao et al. 2020, arXiv:1912.07145", family="sharpness"
)
def hess_top(subject: Subject) -> float:
    r"""Largest eigenvalue of the Hessian of the mean training loss.

    .. math:: \lambda_{\max}(H), \quad H = \nabla_w^2 \frac{1}{n} \sum_i l_i

    with the cross-entropy l_i in nats and all trainable parameters w, to 1 % by Lanczos. Departs from PyHessian, whose
    power iteration finds the eigenvalue of largest magnitude, also a negative one, and from both in the examples: at
    most 256 of them. Unit: nats per squared unit of weight. Not invariant to the rescaling of layers.
    """
    return top_of_spectrum(subject).eigenvalue


@measure(source="PyHessian, Yao et al. 2020, arXiv:1912.07145, sec. III", family="sharpness")
def hess_trace(subject: Subject) -> float:
    r"""Trace of the Hessian of the mean training loss.

    .. math:: \mathrm{tr}\, H, \quad H = \nabla_w^2 \frac{1}{n} \sum_i l_i

    with the cross-entropy l_i in nats and all trainable parameters w, over at most 256 examples. Departs from
    PyHessian, whose Hutchinson estimator draws signs over the whole space: here the space that Lanczos has explored
    contributes exactly and only its complement by 8 draws. Unit: nats per squared unit of weight. Not invariant to the
    rescaling of layers.
    """
    return hessian_trace(subject)
