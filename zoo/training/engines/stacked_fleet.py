"""Train several networks of the same architecture at once with vmap.

`StackedFleet` evaluates all members in one vmapped call. Parameters, gradients and optimizer state lie each in one flat
tensor, parameter after parameter and within a parameter member after member, so that an optimizer step is a handful of
operations whatever the number of layers, and every parameter is a contiguous view. `PlainLoop` is a network and a
torch.optim optimizer. Both do the same arithmetic; the tests hold one to the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from zoo.training.engines.precision import Precision, products
from zoo.training.gradient_rules import GradientRules, StackedRules
from zoo.training.objectives import Objective, StackedObjective

ADAM_BETAS: Final = (0.9, 0.999)  # torch.optim.AdamW's defaults
ADAM_EPS: Final = 1e-8
ATTACK_REACH: Final = 2.5  # radii that the steps of PGD cover together, as in Madry et al. 2018

Kind = Literal["sgd", "adamw"]
State = dict[str, Tensor]


def state_of(network: nn.Module) -> State:
    """A copy of a network's parameters and buffers, by name, whatever their order in memory."""
    named = (*network.named_parameters(), *network.named_buffers())
    return {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in named}


def load_state(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Write parameters and buffers into a network of the same shape, in place."""
    with torch.no_grad():
        for name, value in (*network.named_parameters(), *network.named_buffers()):
            value.copy_(state[name])


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A step's examples, member by member.

    Attributes:
        inputs: [f, b, c, h, w].
        labels: int64 [f, b].
        targets: probabilities [f, b, k] that are learned in place of the labels; none if None.
        weights: of the examples in the loss [f, b]; 1 / b each if None.
    """

    inputs: Tensor
    labels: Tensor
    targets: Tensor | None = None
    weights: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One network before training and what its optimizer needs to know.

    Attributes:
        state: parameters and buffers at the start; copied when it is admitted.
        learning_rate: of its optimizer.
        weight_decay: of its optimizer.
        momentum: of SGD.
        objective: its loss.
        rules: what is done to its gradients.
    """

    state: Mapping[str, Tensor]
    learning_rate: float
    weight_decay: float = 0.0
    momentum: float = 0.0
    objective: Objective = field(default_factory=Objective)
    rules: GradientRules = field(default_factory=GradientRules)


class Fleet(Protocol):
    """Networks of one shape in training, numbered in the order in which they were admitted."""

    def step(self, batch: Batch) -> Tensor:
        """One optimizer step; the losses [f] before it."""

    def logits(self, members: Sequence[int], inputs: Tensor) -> Tensor:
        """Logits [f', b, k] of some members in eval mode on `inputs` [f', b, c, h, w]."""

    def attacked(self, batch: Batch, radius: Tensor, steps: int) -> Tensor:
        """Inputs [f, b, c, h, w] moved within `radius` [f, 1, c, 1, 1] to where the loss is larger; see `attacked`."""

    def set_rates(self, rates: Sequence[float]) -> None:
        """The learning rates [f] from now on."""

    def state(self, member: int) -> State:
        """A copy of one member's parameters and buffers."""

    def change(self, keep: Sequence[int], admit: Sequence[Member]) -> None:
        """Keep these members, in this order, and admit new ones behind them."""


class StackedFleet:
    """Members stacked along a leading dimension, evaluated in one vmapped call.

    Args:
        network: gives the architecture, device and dtype.
        optimizer: "sgd" or "adamw", with the arithmetic of torch.optim.
        precision: of a step; logits in eval mode are in the network's own.
    """

    def __init__(self, network: nn.Module, optimizer: Kind, precision: Precision = "float32") -> None:
        self._network = network
        self._kind = optimizer
        self._precision = precision
        parameters = dict(network.named_parameters())
        self._shapes = {name: value.shape for name, value in parameters.items()}
        self._members: list[Member] = []
        empty = next(iter(parameters.values())).detach().new_empty(0)
        self._weights, self._moments = empty, [empty] * (1 if optimizer == "sgd" else 2)
        self._buffers: State = {name: value.detach()[None][:0] for name, value in network.named_buffers()}
        self._rates = self._steps = empty
        self._lay_out()

    def step(self, batch: Batch) -> Tensor:
        """See `Fleet.step`."""
        self._network.train()
        self._gradient.zero_()
        losses = self._losses(batch)
        losses.sum().backward()
        with torch.no_grad():
            self._rules.apply(self._blocks(self._gradient))
            self._steps += 1
            self._update()
        return losses.detach()

    def _losses(self, batch: Batch) -> Tensor:
        with products(self._precision):
            logits = vmap(self._call, randomness="different")(self._parameters, self._buffers, batch.inputs)
        return self._objective(logits, batch.labels, batch.targets, batch.weights)

    def logits(self, members: Sequence[int], inputs: Tensor) -> Tensor:
        """See `Fleet.logits`."""
        self._network.eval()
        rows = torch.tensor(members, device=inputs.device)
        with torch.no_grad():
            parameters = {name: value[rows] for name, value in self._parameters.items()}
            buffers = {name: value[rows] for name, value in self._buffers.items()}
            return vmap(self._call)(parameters, buffers, inputs)

    def attacked(self, batch: Batch, radius: Tensor, steps: int) -> Tensor:
        """See `Fleet.attacked`."""
        self._network.eval()
        return attacked(self._losses, batch, radius, steps)

    def set_rates(self, rates: Sequence[float]) -> None:
        """See `Fleet.set_rates`."""
        changed = self._rates.new_tensor(rates)
        if not torch.equal(changed, self._rates):
            self._rates.copy_(changed)  # in place: a recorded step reads where it read before
            self._rate.copy_(self._spread(changed))

    def state(self, member: int) -> State:
        """See `Fleet.state`."""
        return {name: value[member].detach().clone() for name, value in {**self._parameters, **self._buffers}.items()}

    def change(self, keep: Sequence[int], admit: Sequence[Member]) -> None:
        """See `Fleet.change`."""
        new = [torch.stack([m.state[name].flatten() for m in admit]) if admit else None for name in self._shapes]
        zeros = [None if block is None else torch.zeros_like(block) for block in new]
        self._weights = self._restack(self._weights.detach(), keep, new)
        self._moments = [self._restack(moment, keep, zeros) for moment in self._moments]
        rows = torch.tensor(keep, dtype=torch.int64, device=self._weights.device)
        self._buffers = {
            name: torch.cat([value[rows], *(m.state[name].unsqueeze(0) for m in admit)])
            for name, value in self._buffers.items()
        }
        self._rates = _extended(self._rates, rows, [m.learning_rate for m in admit])
        self._steps = _extended(self._steps, rows, [0.0] * len(admit))
        self._members = [*(self._members[index] for index in keep), *admit]
        self._lay_out()

    def _call(self, parameters: State, buffers: State, inputs: Tensor) -> Tensor:
        return cast("Tensor", functional_call(self._network, (parameters, buffers), (inputs,)))

    def _blocks(self, flat: Tensor) -> list[Tensor]:
        """The parameters in a flat tensor, each [f, numel]."""
        size = len(self._members)
        sizes = [size * shape.numel() for shape in self._shapes.values()]
        return [block.view(size, -1) if size else block for block in flat.split(sizes)]

    def _restack(self, flat: Tensor, keep: Sequence[int], new: Sequence[Tensor | None]) -> Tensor:
        parts = []
        for block, extra in zip(self._blocks(flat), new, strict=True):
            parts += [block[list(keep)].flatten()] if keep else []
            parts += [] if extra is None else [extra.flatten()]
        return torch.cat(parts) if parts else flat[:0]

    def _lay_out(self) -> None:
        """Make views of the flat tensors, and repeat settings of each member over its parameters."""
        size = len(self._members)
        self._gradient = torch.zeros_like(self._weights)
        self._parameters: State = {}
        blocks = zip(self._shapes.items(), self._blocks(self._weights), self._blocks(self._gradient), strict=True)
        for (name, shape), block, gradient in blocks:
            parameter = block.view(size, *shape).detach().requires_grad_()
            parameter.grad = gradient.view(size, *shape)  # backward adds into the flat gradient
            self._parameters[name] = parameter
        self._objective = StackedObjective([m.objective for m in self._members], self._weights)
        self._rules = StackedRules([m.rules for m in self._members], list(self._shapes), self._weights)
        momenta = {m.momentum for m in self._members}
        self._momentum: float | Tensor = (
            self._spread(self._own([m.momentum for m in self._members])) if len(momenta) > 1 else sum(momenta)
        )
        self._decay = self._spread(self._own([m.weight_decay for m in self._members]))
        for decay, mask in zip(self._blocks(self._decay), self._rules.masks(), strict=True):
            if mask is not None:
                decay.mul_(mask)  # what is not trained does not decay
        self._rate = self._spread(self._rates)

    def _own(self, values: Sequence[float]) -> Tensor:
        return self._weights.new_tensor(values)

    def _spread(self, values: Tensor) -> Tensor:
        sizes = [shape.numel() for shape in self._shapes.values()]
        return torch.cat([values.repeat_interleave(size) for size in sizes])

    def _update(self) -> None:
        """Change weights and moments by the gradient."""
        if self._kind == "sgd":
            self._sgd()
        else:
            self._adamw()

    def _sgd(self) -> None:
        (velocity,) = self._moments
        gradient = self._gradient.addcmul_(self._decay, self._weights)
        velocity.mul_(self._momentum).add_(gradient)
        self._weights.addcmul_(self._rate, velocity, value=-1)

    def _adamw(self) -> None:
        first, second = self._moments
        beta1, beta2 = ADAM_BETAS
        self._weights.mul_(1 - self._rate * self._decay)
        first.lerp_(self._gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(self._gradient, self._gradient, value=1 - beta2)
        size = self._rates / (1 - beta1**self._steps)
        scale = (1 - beta2**self._steps).sqrt()
        denominator = second.sqrt().div_(self._spread(scale)).add_(ADAM_EPS)
        self._weights.sub_(self._spread(size) * first / denominator)


def attacked(losses: "LossOf", batch: Batch, radius: Tensor, steps: int) -> Tensor:
    """Projected gradient ascent in the maximum norm from the inputs, Madry et al. 2018, arXiv:1706.06083.

    Each of `steps` steps moves every entry by 2.5 radius / steps along the sign of the gradient of the loss, with the
    network in eval mode, and projects back. Departs from the paper in the start, which is not random, so that
    nothing is drawn.
    """
    moved = batch.inputs
    for _ in range(steps):
        moved = moved.detach().requires_grad_()
        loss = losses(replace(batch, inputs=moved, weights=None)).sum()
        (gradient,) = torch.autograd.grad(loss, moved)
        further = moved.detach() + ATTACK_REACH / steps * radius * gradient.sign()
        moved = torch.minimum(torch.maximum(further, batch.inputs - radius), batch.inputs + radius)
    return moved.detach()


class LossOf(Protocol):
    """The losses [f] of a batch."""

    def __call__(self, batch: Batch, /) -> Tensor:
        """See above."""


def _extended(values: Tensor, rows: Tensor, new: list[float]) -> Tensor:
    return torch.cat([values[rows], values.new_tensor(new)])
