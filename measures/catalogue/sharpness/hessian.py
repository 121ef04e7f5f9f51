"""Curvature of the training loss at the trained weights: the Hessian's top eigenvalue, trace and norm.

The Hessian of a ReLU network is that of the smooth piece that its weights lie in. Its products with vectors are shared:
at least 12 for the top eigenvalue and 4 for trace and norm, on at most 256 examples.
"""

import math

from measures.api import Subject, measure
from measures.passes.curvature.hessian import squared_norm, top_of_spectrum, trace


@measure(
    source="Keskar et al. 2017, arXiv:1609.04836; PyHessian, Yao et al. 2020, arXiv:1912.07145",
    family="hessian",
    cost="480 gradients of single logits and 12 to 40 Hessian-vector products on 256 examples",
    version=4,
)
def hess_top(subject: Subject) -> float:
    r"""Largest eigenvalue of the Hessian of the mean training loss.

    .. math:: \lambda_{\max}(H), \quad H = \nabla_w^2 \frac{1}{n} \sum_i l_i

    with the cross-entropy l_i in nats and all parameters w, by Lanczos: to 1 % of an eigenvalue, or it is refused, and
    in 137 of 138 networks that was the largest to 1 %, in one to 1.8 %. Departs from PyHessian, whose power iteration
    finds the eigenvalue of largest magnitude, also a negative one, and from both in the examples: at most 256 of them.
    Unit: nats per squared unit of weight. Not invariant to the rescaling of layers.
    """
    return top_of_spectrum(subject).eigenvalue


@measure(
    source="PyHessian, Yao et al. 2020, arXiv:1912.07145, sec. III",
    family="hessian",
    cost="480 gradients of single logits and 4 to 64 Hessian-vector products on 256 examples",
    version=3,
)
def hess_trace(subject: Subject) -> float:
    r"""Trace of the Hessian of the mean training loss.

    .. math:: \mathrm{tr}\, H, \quad H = \nabla_w^2 \frac{1}{n} \sum_i l_i

    with the cross-entropy l_i in nats and all parameters w, over at most 256 examples. Its standard error is at most
    5 %, or it is refused. Departs from PyHessian, whose Hutchinson estimator draws signs for all of H: here they only
    find what H is beyond a sample of its Gauss-Newton part, whose trace is known. Unit: nats per squared unit of
    weight. Not invariant to the rescaling of layers.
    """
    return trace(subject)


@measure(
    source="Wu et al. 2017, arXiv:1706.10239",
    family="hessian",
    cost="480 gradients of single logits and 4 to 64 Hessian-vector products on 256 examples",
    version=2,
)
def hess_fro(subject: Subject) -> float:
    r"""Frobenius norm of the Hessian of the mean training loss.

    .. math:: \lVert H \rVert_F = \sqrt{E_z \lVert H z \rVert^2} = \sqrt{\sum_j \lambda_j^2}

    with random signs z, H as in `hess_trace` and estimated from the same products. Its standard error is at most 5 %,
    or it is refused. Unit: nats per squared unit of weight. Not invariant to the rescaling of layers.
    """
    return math.sqrt(squared_norm(subject))


@measure(
    source="Dinh et al. 2017, arXiv:1703.04933, on why a trace alone says little",
    family="hessian",
    cost="480 gradients of single logits and 4 to 64 Hessian-vector products on 256 examples",
    version=2,
)
def hess_trace_x_norm(subject: Subject) -> float:
    r"""Trace of the Hessian in units of the mean square of a weight.

    .. math:: \frac{\lVert w \rVert_2^2}{P}\, \mathrm{tr}\, H

    with all P parameters w: twice the rise of the loss, to second order, under noise of the weights' own
    root mean square. Unit: nats. Invariant to a common scale of all weights of a homogeneous network, not to the
    rescaling of layers against each other.
    """
    num_params = sum(p.numel() for p in subject.params.values())
    square = sum(float(p.double().square().sum()) for p in subject.params.values())
    return square / num_params * trace(subject)
