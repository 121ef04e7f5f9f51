"""Test that scores depend neither on settings of the caller nor on the format of the data."""

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from tests.measures.networks import network
from tests.measures.strange_parts import Heated, Parts, heated, parts, scored


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Another floating dtype for what says none."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@functools.cache
def in_single() -> Parts:
    """A network of batch norm and its data in float32, so that nothing of them is converted."""
    data = network("conv_bn")
    here = {"inputs": data.inputs.float(), "unlabeled": data.unlabeled.float()}
    return parts("conv_bn", model=copy.deepcopy(data.model).float(), **here)


@functools.cache
def usual() -> dict[str, float | None]:
    """Its scores when nothing is set."""
    return {name: score.value for name, score in scored(in_single()).items()}


@pytest.mark.parametrize(
    "mode",
    [
        torch.no_grad(),
        torch.autocast("cpu", torch.bfloat16),
        default_dtype(torch.float64),
        default_dtype(torch.bfloat16),
    ],
    ids=["no_grad", "autocast", "default float64", "default bfloat16"],
)
def test_the_callers_modes_change_nothing(mode: contextlib.AbstractContextManager[None]) -> None:
    """Gradients are taken, nothing is rounded to half precision, and draws are the same."""
    before, data, expected = torch.get_default_dtype(), in_single(), usual()
    with mode:
        found = scored(data)

    assert {name: score.value for name, score in found.items()} == expected
    assert torch.get_default_dtype() == before


def inference(data: Tensor) -> Tensor:
    """A copy that no autograd may save."""
    with torch.inference_mode():
        return data.clone()


@pytest.mark.parametrize(
    "written",
    [
        lambda x: x.clone().requires_grad_(),
        lambda x: x.clone().requires_grad_() * 1,
        inference,
        lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
        lambda x: x.repeat_interleave(2, 3)[..., ::2],
    ],
    ids=["a leaf", "a result", "of inference mode", "transposed", "strided"],
)
def test_how_inputs_are_written_changes_nothing(written: Callable[[Tensor], Tensor]) -> None:
    """Their history and their places in memory are not the network's."""
    data = in_single()
    found = scored({**data, "inputs": written(data["inputs"]), "unlabeled": written(data["unlabeled"])})

    for name, value in usual().items():
        assert found[name].value == (None if value is None else pytest.approx(value, rel=1e-5, abs=1e-9)), name


def test_what_a_pass_has_left_behind_is_no_part_of_a_network() -> None:
    """Activations that a network keeps, by which it cannot be copied as it is."""

    class Keeping(Heated):
        def forward(self, x: Tensor) -> Tensor:
            self.kept = super().forward(x)
            return self.kept

    model = Keeping(copy.deepcopy(network("mlp").model))
    model(network("mlp").inputs)
    fresh = scored({**heated("mlp"), "twin": None})

    assert not model.kept.is_leaf
    assert {name: score.value for name, score in scored({**heated("mlp"), "model": model, "twin": None}).items()} == {
        name: score.value for name, score in fresh.items()
    }
