"""Test the rounding of bf16, and the settings of float32 on a GPU."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.zoo.training.engines.crews import batches, flat
from zoo.corruptions import PreparedData
from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES
from zoo.training.engines.plain_loop import PlainLoop
from zoo.training.engines.precision import exactly, products
from zoo.training.engines.stacked_fleet import Batch, Fleet, Member, StackedFleet, state_of
from zoo.training.train import network_of


def test_products_are_rounded_and_nothing_else() -> None:
    """A linear layer is the product of rounded operands, rounded, in float32 again; a softmax is untouched."""
    draw = torch.Generator().manual_seed(0)
    x, w = (torch.randn(size, generator=draw) for size in ((5, 7), (3, 7)))
    with products("bf16"):
        linear, probabilities = functional.linear(x, w), x.softmax(1)
        others = x @ w.T, torch.matmul(x, w.T), torch.mm(x, w.T), torch.bmm(x[None], w.T[None])[0]

    expected = (x.bfloat16() @ w.bfloat16().T).float()
    assert torch.equal(linear, expected)
    assert all(torch.equal(product, expected) for product in others)
    assert not torch.equal(linear, x @ w.T)
    assert torch.equal(probabilities, x.softmax(1))


def test_on_a_gpu_float32_is_no_tf32_and_convolutions_repeat() -> None:
    """Set while networks train, and as before after it; these switches need no GPU."""

    def switches() -> tuple[bool, ...]:
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        return cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32

    before = switches()
    with exactly(torch.device("cuda")):
        assert switches() == (False, True, False, False)
    assert switches() == before


@pytest.mark.parametrize("model", FAMILIES)
def test_in_bf16_a_step_comes_near_one_in_float32(model: str, data: PreparedData) -> None:
    """A step's change of weights differs by what 8 bits round; loop, fleet and compiled fleet differ by less."""
    recipe = Recipe(model=model, train_size=128)
    network = network_of(recipe, data)
    members = [
        Member(state=state_of(network_of(recipe.replace(seed=seed), data)), learning_rate=0.01) for seed in (0, 1)
    ]
    (double,) = batches(data, [0, 1], 0, 1)
    batch = Batch(inputs=double.inputs.float(), labels=double.labels)
    start = torch.cat([value.double().flatten() for value in members[0].state.values()])

    def change(fleet: Fleet, size: int) -> Tensor:
        fleet.change([], members[:size])
        losses = fleet.step(Batch(inputs=batch.inputs[:size], labels=batch.labels[:size]))
        assert losses.dtype == fleet.logits([0], batch.inputs[:1]).dtype == torch.float32
        assert all(value.is_contiguous() for value in fleet.state(0).values()), "files hold tensors in one order"
        return flat(fleet, 0) - start

    exact = change(StackedFleet(network, "sgd"), 2)
    fleet = change(StackedFleet(network, "sgd", "bf16"), 2)
    loop = change(PlainLoop(network, "sgd", "bf16"), 1)

    assert 1e-4 < float((fleet - exact).norm() / exact.norm()) < 0.1
    assert float((fleet - loop).norm() / exact.norm()) < 0.05
