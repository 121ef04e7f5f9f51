"""A network as a function of its parameters and buffers."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from measures.pure_forward import PureForward
from tests.measures.networks import network


class Tied(nn.Module):
    """Two names of one weight, and a buffer that every pass replaces."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.count: Tensor
        self.register_buffer("count", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Two layers."""
        self.count = self.count + 1
        return torch.as_tensor(self.second(self.first(x).relu()) * self.count)


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Other parameters and buffers."""
    generator = torch.Generator().manual_seed(1)
    return {
        name: torch.rand(t.shape, generator=generator)
        for name, t in [*model.named_parameters(), *model.named_buffers()]
    }


@pytest.mark.parametrize("model", [Tied(), nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval(), nn.GRU(3, 2)])
def test_it_is_functional_call(model: nn.Module) -> None:
    """Also of tied weights, of what a pass replaces, and of recurrent layers, which keep lists of their weights."""
    before = {name: (t, t.clone()) for name, t in [*model.named_parameters(), *model.named_buffers()]}
    x, state = torch.rand(5, 3), state_of(model)
    expected, found = functional_call(model, dict(state), (x,)), PureForward(model)(state, x)
    for one, other in zip(*((v if isinstance(v, tuple) else (v,)) for v in (expected, found)), strict=True):
        torch.testing.assert_close(one, other)
    for name, t in [*model.named_parameters(), *model.named_buffers()]:
        assert t is before[name][0]
        torch.testing.assert_close(t, before[name][1])


def test_it_can_be_transformed() -> None:
    """By vmap over stacked weights, and by grad."""
    model = nn.Linear(3, 2)
    forward, x = PureForward(model), torch.rand(4, 3)
    weights = {"weight": torch.rand(6, 2, 3), "bias": torch.rand(6, 2)}
    torch.testing.assert_close(
        vmap(forward, in_dims=(0, None))(weights, x), x @ weights["weight"].mT + weights["bias"][:, None]
    )
    slope = grad(lambda w: forward({"weight": w}, x).sum())(weights["weight"][0])
    torch.testing.assert_close(slope, x.sum(0).expand(2, 3))


def test_the_network_is_as_before_where_it_fails() -> None:
    """Its own weights are there again."""
    model = nn.Linear(3, 2)
    own = model.weight
    with pytest.raises(RuntimeError):
        PureForward(model)({"weight": torch.rand(2, 3)}, torch.rand(4, 5))
    assert model.weight is own


def test_names_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forward pass of a subject does not walk through its modules."""
    subject = network("conv_bn").subject()
    walked: list[nn.Module] = []
    walk = nn.Module.named_modules

    def watched(self: nn.Module, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Module]]:
        walked.append(self)
        return cast("Iterator[tuple[str, nn.Module]]", walk(self, *args, **kwargs))

    monkeypatch.setattr(nn.Module, "named_modules", watched)
    subject.logits_of(subject.inputs[:2])
    assert not walked
    dict(subject.model.named_parameters())
    assert walked
