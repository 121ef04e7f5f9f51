"""Gradients of the loss at single training examples, reduced as they are made: one sweep serves every gradient measure.

The loss is the cross-entropy in nats, and a gradient is with respect to all trainable parameters, in eval mode. Memory
is chunk x parameters, never examples x parameters.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from measures.api import CHUNK, Subject, shared

FLOATS_AT_ONCE: Final = 2**26  # 256 MB of float32 for the gradients of one chunk
EXAMPLES_AT_ONCE: Final = 2048  # where no gradient of a single example is formed: only activations, of plain networks

Objective = Callable[[Tensor, Tensor], Tensor]  # logits [k] and the example's target to a scalar


@dataclass(frozen=True, slots=True)
class GradientStatistics:
    """What the measures need of the gradients g_i of the loss at the n training examples.

    Attributes:
        squared_norms: ||g_i||^2 [n], in the order of the examples.
        dots: <w, g_i> [n] with the trained parameters w.
        mean: mean gradient over the examples, by parameter.
        mean_square: mean over the examples of the elementwise square, by parameter.
    """

    squared_norms: Tensor
    dots: Tensor
    mean: dict[str, Tensor]
    mean_square: dict[str, Tensor]


@shared
def gradient_statistics(subject: Subject) -> GradientStatistics:
    """Reductions of the gradients of all training examples, in one sweep."""
    if _has_only_linear_layers(subject):
        chunks = [_reduce_outer_products(subject, x, y) for x, y in subject.batches(size=EXAMPLES_AT_ONCE)]
    else:
        chunks = [_reduce_gradients(subject, x, y) for x, y in subject.batches(size=chunk_size(subject))]
    n = subject.num_examples
    return GradientStatistics(
        torch.cat([chunk.squared_norms for chunk in chunks]),
        torch.cat([chunk.dots for chunk in chunks]),
        {name: functools.reduce(torch.add, [chunk.total[name] for chunk in chunks]) / n for name in subject.params},
        {
            name: functools.reduce(torch.add, [chunk.total_square[name] for chunk in chunks]) / n
            for name in subject.params
        },
    )


def gradients_of(subject: Subject, objective: Objective, inputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Gradient of `objective` at each example, by parameter [b, *shape].

    Args:
        subject: the network.
        objective: logits [k] and a target to a scalar, differentiable in the logits.
        inputs: [b, c, h, w], a chunk of at most `chunk_size`.
        targets: [b, ...], one for each example.
    """

    def at_one(params: dict[str, Tensor], x: Tensor, target: Tensor) -> Tensor:
        return objective(subject.forward(params, x.unsqueeze(0)).squeeze(0), target)

    return cast("dict[str, Tensor]", vmap(grad(at_one), in_dims=(None, 0, 0))(subject.params, inputs, targets))


def chunk_size(subject: Subject) -> int:
    """How many examples at once keep their gradients within FLOATS_AT_ONCE."""
    num_params = sum(p.numel() for p in subject.params.values())
    return max(1, min(CHUNK, FLOATS_AT_ONCE // num_params))


class _Reduced(NamedTuple):
    """The reductions of one chunk: [b], [b], and sums over the chunk by parameter."""

    squared_norms: Tensor
    dots: Tensor
    total: dict[str, Tensor]
    total_square: dict[str, Tensor]


def _reduce_gradients(subject: Subject, x: Tensor, y: Tensor) -> _Reduced:
    """The general path: per-sample gradients by vmap(grad), each reduced by products with vectors."""
    ones = x.new_ones(len(x))
    squared_norms, dots = torch.zeros_like(ones), torch.zeros_like(ones)
    total, total_square = {}, {}
    for name, gradient in gradients_of(subject, cross_entropy, x, y).items():
        param, g = subject.params[name], gradient.reshape(len(x), -1)  # [b, p]
        squares = g.square()
        squared_norms += squares.sum(1)
        dots += g @ param.flatten()
        total[name] = (ones @ g).view_as(param)
        total_square[name] = (ones @ squares).view_as(param)
    return _Reduced(squared_norms, dots, total, total_square)


def _reduce_outer_products(subject: Subject, x: Tensor, y: Tensor) -> _Reduced:
    r"""The path of plain networks: no gradient of a single example is ever formed.

    With input a_i and output z_i = W a_i + b of a linear layer and delta_i = dl_i/dz_i, its gradients are delta_i a_i^T
    and delta_i (Goodfellow 2015, arXiv:1510.01799), so ||g_i||^2 = ||delta_i||^2 (||a_i||^2 + 1) and
    <w, g_i> = <delta_i, z_i>, and the sums over examples are two matrix products.
    """
    squared_norms, dots = x.new_zeros(len(x)), x.new_zeros(len(x))
    total, total_square = {}, {}
    for name, (a, z, delta) in _layer_flow(subject, x, y).items():
        a2, delta2 = a.square(), delta.square()
        dots += (delta * z).sum(1)
        total[f"{name}.weight"], total_square[f"{name}.weight"] = delta.T @ a, delta2.T @ a2
        has_bias = f"{name}.bias" in subject.params
        squared_norms += delta2.sum(1) * (a2.sum(1) + has_bias)
        if has_bias:
            total[f"{name}.bias"], total_square[f"{name}.bias"] = delta.sum(0), delta2.sum(0)
    return _Reduced(squared_norms, dots, total, total_square)


def _layer_flow(subject: Subject, x: Tensor, y: Tensor) -> dict[str, tuple[Tensor, Tensor, Tensor]]:
    """Input [b, in], output [b, out] and gradient at the output [b, out] of every linear layer, by name."""
    params = {name: p.detach().requires_grad_() for name, p in subject.params.items()}
    with _recording(subject) as calls:
        logits = functional_call(subject.model, {**subject.buffers, **params}, (x,))
    loss = cross_entropy(logits, y, reduction="sum")  # examples do not meet in eval mode: dloss/dz_i = dl_i/dz_i
    deltas = torch.autograd.grad(loss, [call.z for [call] in calls.values()])
    return {
        name: (call.a.detach(), call.z.detach(), delta)
        for (name, [call]), delta in zip(calls.items(), deltas, strict=True)
    }


def _has_only_linear_layers(subject: Subject) -> bool:
    """Whether every parameter belongs to a linear layer that maps one vector an example, once, to stay as it was."""
    layers = _linear_layers(subject)
    if any(not isinstance(layer.weight, nn.Parameter) for layer in layers.values()):
        return False  # a weight that is not trained has no gradient to reduce
    owned = {f"{name}.{kind}" for name, layer in layers.items() for kind, _ in layer.named_parameters()}
    every_name = {name for name, _ in subject.model.named_parameters(remove_duplicate=False)}
    if owned != every_name or owned != set(subject.params):
        return False
    with torch.no_grad(), _recording(subject) as calls:
        subject.logits_of(subject.inputs[:2])
    if len(calls) != len(layers) or any(len(seen) > 1 for seen in calls.values()):
        return False
    flow = [call for [call] in calls.values()]
    shape = subject.inputs[:2].shape[:1]
    return all(call.a.shape[:-1] == call.z.shape[:-1] == shape and not call.overwritten for call in flow)


def _linear_layers(subject: Subject) -> dict[str, nn.Linear]:
    """Modules that are exactly nn.Linear: a subclass may do something else with its weight."""
    return {name: m for name, m in subject.model.named_modules() if type(m) is nn.Linear}


class _Call:
    """Input a and output z of one call of a layer."""

    def __init__(self, a: Tensor, z: Tensor) -> None:
        self.a, self.z = a, z
        self._versions = a._version, z._version  # noqa: SLF001  torch's count of writes has no other name

    @property
    def overwritten(self) -> bool:
        """Whether the network has worked in place on one of the two since."""
        return (self.a._version, self.z._version) != self._versions  # noqa: SLF001  as above


@contextmanager
def _recording(subject: Subject) -> Iterator[dict[str, list[_Call]]]:
    """Record every call of a linear layer, by name."""
    calls: dict[str, list[_Call]] = {}

    def record(name: str, _layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        calls.setdefault(name, []).append(_Call(inputs[0], output))

    with ExitStack() as stack:
        for name, layer in _linear_layers(subject).items():
            stack.callback(layer.register_forward_hook(functools.partial(record, name)).remove)
        yield calls
