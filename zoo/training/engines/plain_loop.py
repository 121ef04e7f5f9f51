"""Plain loop of one network and its torch.optim optimizer, the reference for every fleet."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from zoo.training.engines.precision import Precision, products
from zoo.training.engines.stacked_fleet import (
    ADAM_BETAS,
    ADAM_EPS,
    Batch,
    Kind,
    Member,
    State,
    attacked,
    load_state,
    state_of,
)
from zoo.training.gradient_rules import StackedRules
from zoo.training.objectives import StackedObjective


class PlainLoop:
    """One network and its torch.optim optimizer.

    Args:
        network: gives the architecture, device and dtype; a copy is trained, so that its memory layout stays as it is.
        optimizer: "sgd" or "adamw".
        precision: of a step.
        channels_last: whether images and filters lie in memory pixel by pixel, all channels of a pixel together, as
            many kernels of convolutions read them; in bf16 they always do.
    """

    def __init__(
        self, network: nn.Module, optimizer: Kind, precision: Precision = "float32", *, channels_last: bool = False
    ) -> None:
        self._network = copy.deepcopy(network)
        self._kind = optimizer
        self._precision = precision
        self._format = torch.channels_last if channels_last or precision == "bf16" else torch.contiguous_format
        self._network.to(memory_format=self._format)  # type: ignore[call-overload]  # torch's stubs lack it
        self._optimizer: torch.optim.Optimizer | None = None

    def step(self, batch: Batch) -> Tensor:
        """See `Fleet.step`; f is 1."""
        if self._optimizer is None:
            raise RuntimeError("A member must be admitted before the first step.")
        self._network.train()
        self._optimizer.zero_grad()
        losses = self._losses(batch)
        losses.sum().backward()
        if self._rules.plain:
            self._optimizer.step()
        else:
            self._ruled_step(self._optimizer)
        return losses.detach()

    def _ruled_step(self, optimizer: torch.optim.Optimizer) -> None:
        """A step after the member's rules; what is masked stays as it is, whatever the optimizer's decay says."""
        parameters = list(self._network.parameters())
        with torch.no_grad():
            rows = [torch.zeros_like(p).reshape(1, -1) if p.grad is None else p.grad.reshape(1, -1) for p in parameters]
            self._rules.apply(rows)
            for p, row in zip(parameters, rows, strict=True):
                p.grad = torch.empty_like(p).copy_(row.view(p.shape))  # in its parameter's order, as optimizers need
            before = [
                None if mask is None else p.clone() for p, mask in zip(parameters, self._rules.masks(), strict=True)
            ]
            optimizer.step()
            for p, mask, old in zip(parameters, self._rules.masks(), before, strict=True):
                if mask is not None and old is not None:
                    p.copy_(torch.where(mask.view(p.shape), p, old))

    def _losses(self, batch: Batch) -> Tensor:
        inputs = batch.inputs[0].contiguous(memory_format=self._format)
        with products(self._precision):
            logits = self._network(inputs)
        return self._objective(logits.unsqueeze(0), batch.labels, batch.targets, batch.weights)

    def logits(self, members: Sequence[int], inputs: Tensor) -> Tensor:
        """See `Fleet.logits`."""
        self._network.eval()
        with torch.no_grad():
            return torch.stack([self._network(batch) for _, batch in zip(members, inputs, strict=True)])

    def attacked(self, batch: Batch, radius: Tensor, steps: int) -> Tensor:
        """See `Fleet.attacked`."""
        self._network.eval()
        return attacked(self._losses, batch, radius, steps)

    def set_rates(self, rates: Sequence[float]) -> None:
        """See `Fleet.set_rates`."""
        if self._optimizer is not None:
            for group, rate in zip(self._optimizer.param_groups, rates, strict=True):
                group["lr"] = rate

    def state(self, member: int) -> State:  # noqa: ARG002  a fleet of one
        """See `Fleet.state`."""
        return state_of(self._network)

    def change(self, keep: Sequence[int], admit: Sequence[Member]) -> None:
        """See `Fleet.change`; one member at a time."""
        if len(keep) + len(admit) > 1:
            raise ValueError(f"A plain loop must have one member; got {len(keep) + len(admit)}.")
        for member in admit:
            load_state(self._network, member.state)
            names, like = [name for name, _ in self._network.named_parameters()], next(self._network.parameters())
            self._objective = StackedObjective([member.objective], like)
            self._rules = StackedRules([member.rules], names, like)
            self._optimizer = _torch_optimizer(self._network, member, self._kind)


def _torch_optimizer(network: nn.Module, member: Member, kind: Kind) -> torch.optim.Optimizer:
    fused = next(network.parameters()).device.type == "cpu"  # one call a step in place of ten for every parameter
    if kind == "sgd":
        return torch.optim.SGD(
            network.parameters(),
            lr=member.learning_rate,
            momentum=member.momentum,
            weight_decay=member.weight_decay,
            fused=fused,
        )
    return torch.optim.AdamW(
        network.parameters(),
        lr=member.learning_rate,
        betas=ADAM_BETAS,
        eps=ADAM_EPS,
        weight_decay=member.weight_decay,
        fused=fused,
    )
