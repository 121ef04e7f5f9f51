"""Curvature in units of the weights, invariant to the rescaling of the layers of a ReLU network."""

import math
from typing import Final

import torch
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModelError, measure
from measures.passes.activations.outputs import logits
from measures.passes.activations.used_layers import used_layers
from measures.passes.curvature.gauss_newton import gauss_newton
from measures.passes.weights.folding import POSITIVE, layers, operations
from measures.per_layer import Layered, layer_sum

BRANCHING: Final = {"add", "cat", "chunk", "split", "unbind"}  # of POSITIVE, those that let two scales meet
SWEEPS: Final = 40  # alternating minimisations of a convex function of the logarithms; each is two sums over a layer


@measure(
    source="Ibayashi et al. 2021, arXiv:2106.12612, sec. 3",
    family="sharpness",
    cost="480 gradients of logits",
    version=2,
)
def minimum_sharpness(subject: Subject) -> float:
    r"""Smallest trace of the Hessian among the networks that rescaling layers makes of this one.

    .. math:: \min_{\prod_j a_j = 1} \sum_j \frac{\mathrm{tr}\, H_j}{a_j^2}
        = d \Big( \prod_j \mathrm{tr}\, H_j \Big)^{1/d}

    with the block H_j of the weight of layer j of d, biases apart; at the minimum all terms are equal, since the
    geometric mean is the smallest arithmetic one. In a network of ReLU the loss of each logit is linear in each single
    weight, so that tr H_j is that of the Gauss-Newton part, which is taken from the sample of `hess_softrank`. Defined
    where a layer can give its scale to the next: chains of layers and ReLU without norms. Unit: nats per squared unit
    of weight. Invariant to the rescaling of layers.
    """
    diagonal = gauss_newton(subject).diagonal
    traces = {name: float(diagonal[f"{name}.weight"].double().sum()) for name in _chain(subject)}
    if min(traces.values()) <= 0:
        return Layered(0.0, traces)
    logarithms = [math.log(trace) for trace in traces.values()]
    return Layered(len(traces) * math.exp(math.fsum(logarithms) / len(traces)), traces)


@measure(source="Petzka et al. 2021, arXiv:2001.00939, def. 3", family="sharpness", cost="1 forward pass", version=2)
def relative_flatness(subject: Subject) -> float:
    r"""Relative flatness of the output layer.

    .. math:: \sum_{s, s'} \langle w_s, w_{s'} \rangle\, \mathrm{tr}\, H_{s s'}, \quad
        (H_{s s'})_{j j'} = \frac{\partial^2 L}{\partial w_{sj}\, \partial w_{s'j'}}

    with the rows w_s of the last linear layer's weight, one for each class, and the mean loss L over all training
    examples. The layer being the last, tr H_{ss'} = mean_i ||phi_i||^2 (p_is [s = s'] - p_is p_is') in closed form,
    with its inputs phi_i and the softmax p_i, and the sum is mean_i ||phi_i||^2 (sum_s p_is ||w_s||^2 - ||sum_s p_is
    w_s||^2). The paper leaves the layer open and measures one near the output. Unit: nats. Invariant to the rescaling
    of layers.
    """
    logits(subject)  # refuses a network whose logits are not finite
    layer = _output_layer(subject)
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    total = 0.0
    weight = layer.weight.double()
    try:
        with torch.no_grad():
            for x, _ in subject.batches():
                p = subject.logits_of(x).double().softmax(1)
                [features] = seen
                if features.dim() != 2:  # noqa: PLR2004  [b, features]
                    raise UnsupportedModelError(
                        "Its last linear layer must be applied once for each example; it is applied to several vectors."
                    )
                spread = p @ weight.square().sum(1) - (p @ weight).square().sum(1)
                total += float((features.double().square().sum(1) * spread).sum())
                seen.clear()
    finally:
        handle.remove()
    return total / subject.num_examples


@measure(source="Tsuzuku et al. 2020, arXiv:1901.04653, sec. 4", family="sharpness", cost="480 gradients of logits",
         version=2)  # fmt: skip
def normalized_flat_minima(subject: Subject) -> float:
    r"""Curvature against size under the noise that suits both best, of one scale for each input and output of a layer.

    .. math:: \sum_l \min_{s, t > 0} \sum_{o, i} \Big( h_{oi}\, s_o t_i + \frac{w^2_{oi}}{s_o t_i} \Big)

    with the diagonal h of the Hessian and the square w^2 of the weight of layer l, both summed over the positions of a
    kernel. It is the trade that a PAC-Bayes bound makes between the rise of the loss under noise of variance s_o t_i
    and its divergence from a prior, with both counted alike. h is the diagonal of the Gauss-Newton part, which is that
    of the Hessian where single weights act linearly, from the sample of `hess_softrank`. A convex problem in log s and
    log t, solved by turns. Unit: square root of nats. Invariant to the scale of each unit and of layers.
    """
    diagonal = gauss_newton(subject).diagonal
    squares = {name: p.square() for name, p in subject.params.items()}
    terms = {}
    for layer in used_layers(subject):
        key = layer.parameter
        if key is not None:
            rise, cost = (part.double().reshape(*part.shape[:2], -1).sum(2) for part in (diagonal[key], squares[key]))
            terms[key.removesuffix(".weight")] = smallest_trade(rise, cost)
    if not terms:
        raise UnsupportedModelError("It has no linear layer or convolution whose weight is a parameter.")
    return layer_sum(terms)


def smallest_trade(rise: Tensor, cost: Tensor) -> float:
    """Minimum over s, t > 0 of sum_oi (rise_oi s_o t_i + cost_oi / (s_o t_i)), for matrices [o, i] of at least zero."""
    s, t = rise.new_ones(len(rise)), rise.new_ones(rise.shape[1])
    while True:  # a row or column without rise or cost adds nothing in the limit
        rows = (rise.sum(1) > 0) & (cost.sum(1) > 0)
        columns = (rise.sum(0) > 0) & (cost.sum(0) > 0)
        if rows.all() and columns.all():
            break
        rise, cost, s, t = rise[rows][:, columns], cost[rows][:, columns], s[rows], t[columns]
    for _ in range(SWEEPS):
        s = ((cost @ t.reciprocal()) / (rise @ t)).sqrt()
        t = ((cost.T @ s.reciprocal()) / (rise.T @ s)).sqrt()
    variance = s.outer(t)
    return float((rise * variance + cost / variance).sum())


def _chain(subject: Subject) -> list[str]:
    """Names of the layers of a chain whose weights are parameters of their own."""
    barred = operations(subject) - (POSITIVE - BRANCHING)
    if barred:
        raise UnsupportedModelError(f"Layers cannot be rescaled through {', '.join(sorted(barred))}.")
    names = [layer.name for layer in layers(subject)]
    for layer in layers(subject):
        own = subject.params.get(f"{layer.name}.weight")
        if own is None or not torch.equal(own, layer.weight):
            raise UnsupportedModelError(f"The scale of {layer.name!r} is set by a normalisation, not by its weight.")
    return names


def _output_layer(subject: Subject) -> nn.Linear:
    name = layers(subject)[-1].name
    module = subject.model.get_submodule(name)
    if not isinstance(module, nn.Linear) or module.out_features != subject.num_classes:
        raise UnsupportedModelError(f"Its last layer must be linear, with an output for each class; {name!r} is not.")
    return module
