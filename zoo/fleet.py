"""Networks of one shape that take optimizer steps side by side, and the plain loop that a fleet of one is.

`StackedFleet` evaluates all members in one vmapped call. Parameters, gradients and optimizer state lie each in one flat
tensor, parameter after parameter and within a parameter member after member, so that an optimizer step is a handful of
operations whatever the number of layers, and every parameter is a contiguous view. `PlainLoop` is a network and a
torch.optim optimizer. Both do the same arithmetic; the tests hold one to the other.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, Protocol, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional

ADAM_BETAS: Final = (0.9, 0.999)  # torch.optim.AdamW's defaults
ADAM_EPS: Final = 1e-8

State = dict[str, Tensor]


def state_of(network: nn.Module) -> State:
    """A copy of a network's parameters and buffers, by name."""
    return {name: value.detach().clone() for name, value in (*network.named_parameters(), *network.named_buffers())}


def load_state(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Write parameters and buffers into a network of the same shape, in place."""
    with torch.no_grad():
        for name, value in (*network.named_parameters(), *network.named_buffers()):
            value.copy_(state[name])


class Fleet(Protocol):
    """Networks of one shape under training. Members are numbered in the order in which they were admitted."""

    def step(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """One optimizer step on `inputs` [f, b, c, h, w] and `labels` [f, b]; the losses [f] before the step."""

    def logits(self, members: Sequence[int], inputs: Tensor) -> Tensor:
        """Logits [f', b, k] of some members in eval mode on `inputs` [f', b, c, h, w]."""

    def state(self, member: int) -> State:
        """A copy of one member's parameters and buffers."""

    def change(self, keep: Sequence[int], admit: Sequence["Member"]) -> None:
        """Keep these members, in this order, and admit new ones behind them."""


class Member:
    """One network before training and what its optimizer needs to know.

    Args:
        state: parameters and buffers at initialization.
        learning_rate: of its optimizer.
        weight_decay: of its optimizer.
    """

    def __init__(self, state: Mapping[str, Tensor], learning_rate: float, weight_decay: float) -> None:
        self.state = {name: value.detach().clone() for name, value in state.items()}
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay


class PlainLoop:
    """One network and its torch.optim optimizer.

    Args:
        network: gives the architecture, device and dtype; it is trained in place.
        optimizer: "sgd" or "adamw".
        momentum: of SGD.
    """

    def __init__(self, network: nn.Module, optimizer: Literal["sgd", "adamw"], momentum: float) -> None:
        self._network = network
        self._kind = optimizer
        self._momentum = momentum
        self._optimizer: torch.optim.Optimizer | None = None

    def step(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """See `Fleet.step`; f is 1."""
        if self._optimizer is None:
            raise RuntimeError("A member must be admitted before the first step.")
        self._network.train()
        self._optimizer.zero_grad()
        loss = functional.cross_entropy(self._network(inputs[0]), labels[0])
        loss.backward()
        self._optimizer.step()
        return loss.detach().unsqueeze(0)

    def logits(self, members: Sequence[int], inputs: Tensor) -> Tensor:
        """See `Fleet.logits`."""
        self._network.eval()
        with torch.no_grad():
            return torch.stack([self._network(batch) for _, batch in zip(members, inputs, strict=True)])

    def state(self, member: int) -> State:  # noqa: ARG002  a fleet of one
        """See `Fleet.state`."""
        return state_of(self._network)

    def change(self, keep: Sequence[int], admit: Sequence[Member]) -> None:
        """See `Fleet.change`; one member at a time."""
        if len(keep) + len(admit) > 1:
            raise ValueError(f"A plain loop must have one member; got {len(keep) + len(admit)}.")
        for member in admit:
            load_state(self._network, member.state)
            self._optimizer = _torch_optimizer(self._network, member, self._kind, self._momentum)


class StackedFleet:
    """Members stacked along a leading dimension, evaluated in one vmapped call.

    Args:
        network: gives the architecture, device and dtype.
        optimizer: "sgd" or "adamw", with the arithmetic of torch.optim.
        momentum: of SGD.
    """

    def __init__(self, network: nn.Module, optimizer: Literal["sgd", "adamw"], momentum: float) -> None:
        self._network = network
        self._kind = optimizer
        self._momentum = momentum
        parameters = dict(network.named_parameters())
        self._shapes = {name: value.shape for name, value in parameters.items()}
        self._size = 0
        empty = next(iter(parameters.values())).detach().new_empty(0)
        self._weights, self._moments = empty, [empty] * (1 if optimizer == "sgd" else 2)
        self._buffers: State = {name: value.detach()[None][:0] for name, value in network.named_buffers()}
        self._rates = self._decays = self._steps = empty
        self._lay_out()

    def step(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """See `Fleet.step`."""
        self._network.train()
        self._gradient.zero_()
        logits = vmap(self._call, randomness="different")(self._parameters, self._buffers, inputs)
        losses = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
        losses = losses.view(labels.shape).mean(1)
        losses.sum().backward()
        with torch.no_grad():
            self._steps += 1
            if self._kind == "sgd":
                self._sgd()
            else:
                self._adamw()
        return losses.detach()

    def logits(self, members: Sequence[int], inputs: Tensor) -> Tensor:
        """See `Fleet.logits`."""
        self._network.eval()
        rows = torch.tensor(members, device=inputs.device)
        with torch.no_grad():
            parameters = {name: value[rows] for name, value in self._parameters.items()}
            buffers = {name: value[rows] for name, value in self._buffers.items()}
            return vmap(self._call)(parameters, buffers, inputs)

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
        self._decays = _extended(self._decays, rows, [m.weight_decay for m in admit])
        self._steps = _extended(self._steps, rows, [0.0] * len(admit))
        self._size = len(keep) + len(admit)
        self._lay_out()

    def _call(self, parameters: State, buffers: State, inputs: Tensor) -> Tensor:
        return cast("Tensor", functional_call(self._network, (parameters, buffers), (inputs,)))

    def _blocks(self, flat: Tensor) -> list[Tensor]:
        """The parameters in a flat tensor, each [f, numel]."""
        sizes = [self._size * shape.numel() for shape in self._shapes.values()]
        return [block.view(self._size, -1) if self._size else block for block in flat.split(sizes)]

    def _restack(self, flat: Tensor, keep: Sequence[int], new: Sequence[Tensor | None]) -> Tensor:
        parts = []
        for block, extra in zip(self._blocks(flat), new, strict=True):
            parts += [block[list(keep)].flatten()] if keep else []
            parts += [] if extra is None else [extra.flatten()]
        return torch.cat(parts) if parts else flat[:0]

    def _lay_out(self) -> None:
        """Views of the flat tensors, and the members' rates and decays spread over their parameters."""
        self._gradient = torch.zeros_like(self._weights)
        self._parameters: State = {}
        blocks = zip(self._shapes.items(), self._blocks(self._weights), self._blocks(self._gradient), strict=True)
        for (name, shape), block, gradient in blocks:
            parameter = block.view(self._size, *shape).detach().requires_grad_()
            parameter.grad = gradient.view(self._size, *shape)  # backward adds into the flat gradient
            self._parameters[name] = parameter
        self._rate = self._spread(self._rates)
        self._decay = self._spread(self._decays)

    def _spread(self, values: Tensor) -> Tensor:
        sizes = [shape.numel() for shape in self._shapes.values()]
        return torch.cat([values.repeat_interleave(size) for size in sizes])

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


def _extended(values: Tensor, rows: Tensor, new: list[float]) -> Tensor:
    return torch.cat([values[rows], values.new_tensor(new)])


def _torch_optimizer(
    network: nn.Module, member: Member, kind: Literal["sgd", "adamw"], momentum: float
) -> torch.optim.Optimizer:
    if kind == "sgd":
        return torch.optim.SGD(
            network.parameters(), lr=member.learning_rate, momentum=momentum, weight_decay=member.weight_decay
        )
    return torch.optim.AdamW(
        network.parameters(),
        lr=member.learning_rate,
        betas=ADAM_BETAS,
        eps=ADAM_EPS,
        weight_decay=member.weight_decay,
    )
