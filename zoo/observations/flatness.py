"""Trace of the Gauss-Newton matrix of the squared error; measures are of the cross-entropy."""

import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from zoo.observations.observed import Observed, Trained, observation
from zoo.training.record import normalised

CHUNK = 8  # examples whose Jacobians, of logits by parameters, are held at once


@observation
def squared_error_trace(trained: Trained) -> Observed:
    r"""Trace of the Gauss-Newton matrix of half the squared error over the training examples.

    .. math:: \frac{1}{n} \sum_i \sum_k \lVert \nabla_w f_k(x_i) \rVert^2

    It is the trace of the Hessian where the examples are fitted exactly, and hangs on no label: what label noise of
    variance sigma^2 leaves of the regularizer of Damian, Ma & Lee 2021, arXiv:2106.06530, to first order in the
    learning rate. Unit: squared logits per squared unit of weight.
    """
    network, data = trained.network, trained.data
    params = {name: p.detach() for name, p in network.named_parameters()}
    buffers = dict(network.named_buffers())

    def logits(own: dict[str, Tensor], x: Tensor) -> Tensor:
        out: Tensor = functional_call(network, (own, buffers), (x.unsqueeze(0),))
        return out.squeeze(0)

    def squares(x: Tensor) -> Tensor:
        return torch.stack([j.square().sum() for j in jacrev(logits)(params, x).values()]).sum()

    reference = next(network.parameters())
    inputs = normalised(data.train_images, data).to(reference)
    return {"squared_error_trace": float(vmap(squares, chunk_size=CHUNK)(inputs).mean())}
