"""Test that a subject holds only what its measure declares."""

import pytest
import torch

from measures import Measure, Subject, UnsupportedModelError, measure
from measures.errors import UndeclaredNeedError
from measures.passes.activations.outputs import logits
from measures.registry import catalog
from tests.measures.networks import ARCHITECTURES, network

WEIGHTS_ONLY = sorted(name for name, item in catalog().items() if item.weights_only)
OTHERS = sorted(n for n, item in catalog().items() if not item.weights_only and not item.needs - {"init"})


def other_data(name: str) -> tuple[Subject, Subject]:
    """A network with its data, and with other data: fewer, other inputs, other labels."""
    data = network(name)
    real = data.subject()
    draw = torch.Generator().manual_seed(5)
    inputs = 2 * torch.randn(3, *real.inputs.shape[1:], generator=draw, dtype=real.inputs.dtype)
    return real, Subject(data.model, inputs, torch.tensor([0, 1, 1]), init_state=data.init_state, seed=real.seed)


def outcome(item: Measure, subject: Subject) -> float | str:
    """The score, or that there is none."""
    try:
        return float(item(subject))
    except UnsupportedModelError:
        return "unsupported"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_weights_only_means_that_data_change_nothing(architecture: str) -> None:
    """To the last bit, for every measure that says so."""
    real, other = other_data(architecture)

    assert {n: outcome(catalog()[n], real) for n in WEIGHTS_ONLY} == {
        n: outcome(catalog()[n], other) for n in WEIGHTS_ONLY
    }
    assert len(WEIGHTS_ONLY) > 40


def test_a_measure_of_weights_sees_one_zero_image() -> None:
    """Of the right shape, without a label, and no shared result that others computed from data."""
    seen: dict[str, torch.Tensor] = {}

    @measure(source="this test", family="norm", weights_only=True)
    def peeks(subject: Subject) -> float:
        """Looks around."""
        seen.update(inputs=subject.inputs, logits=logits(subject))
        with pytest.raises(UndeclaredNeedError, match="reads labels"):
            _ = subject.labels
        return 0.0

    subject = network("mlp").subject()
    whole = logits(subject)
    peeks(subject)

    assert seen["inputs"].shape == (1, *subject.inputs.shape[1:])
    assert not seen["inputs"].any()
    assert len(seen["logits"]) == 1 < len(whole)
    assert torch.equal(logits(subject), whole)


def test_the_cost_of_a_measure_of_weights_is_kept() -> None:
    """With the passes that it used."""
    value, usage = catalog()["prod_of_spec"].evaluate(network("mlp").subject())

    assert value == catalog()["prod_of_spec"](network("mlp").subject())
    assert usage.passes
    assert usage.seconds > 0


def test_weights_only_excludes_other_needs() -> None:
    """Which would show data by another way."""
    with pytest.raises(ValueError, match="must need no more than 'init'"):

        @measure(source="this test", family="norm", needs={"unlabeled"}, weights_only=True)
        def greedy(_: Subject) -> float:
            """Nothing."""
            return 0.0
