"""Norm of a minimum-norm interpolant."""

import torch

from zoo.models.closed_form import GaussianKernel
from zoo.observations.observed import Observed, Trained, observation
from zoo.training.record import normalised


@observation
def solution_norm(trained: Trained) -> Observed:
    r"""Norm of a solved network in the space in which it is the least: over the k outputs together,

    .. math:: \lVert f \rVert = \Big( \sum_k \alpha_k^\top K \alpha_k \Big)^{1/2}

    with the kernel matrix K of the training examples, and of the coefficients themselves on random features. Zhang et
    al. 2021, sec. 5, give it as the l2-norm of the minimum-norm solution w = X^T alpha, ||w||^2 = alpha^T X X^T alpha.
    Unit: that of the targets.
    """  # noqa: D415  the formula ends the sentence
    features = trained.network.get_submodule("0")
    readout = trained.network.get_parameter("1.weight").detach()  # [k, p]
    if not any(isinstance(module, GaussianKernel) for module in features.modules()):
        return {"solution_norm": float(readout.norm())}
    with torch.no_grad():
        gram = features(normalised(trained.data.train_images, trained.data).to(readout))
    return {"solution_norm": float((readout @ gram * readout).sum().sqrt())}
