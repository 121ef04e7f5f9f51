"""The contract that every measure of the catalogue keeps, on every family of networks."""

import functools
import random
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest
import torch

import measures.api
from measures.api import Measure, Subject
from measures.registry import catalog
from measures.scores import Score
from measures.scoring import score_subject
from tests.measures.networks import ARCHITECTURES, network

# One of each kind: plain, batch norm, attention. Properties that hold for them all hold for their relatives.
KINDS = ("mlp", "conv_bn", "vit")

# In float32 these differ from float64 by up to this part of the value; all others by less than a thousandth.
LOOSE_IN_FLOAT32 = {"gsnr": 0.05}  # a mean of ratios whose denominators may be rounding errors


@functools.cache
def scores(name: str) -> dict[str, Score]:
    """Every measure of one network, computed once for all tests."""
    return score_subject(network(name).subject(), catalog().values())


def assert_agree(
    found: dict[str, Score], expected: dict[str, Score], rel: float, loose: Mapping[str, float] = MappingProxyType({})
) -> None:
    """Same outcome, and the same number up to `rel`, for every measure."""
    assert {name: score.outcome for name, score in found.items()} == {n: score.outcome for n, score in expected.items()}
    scored = {name: score.value for name, score in expected.items() if score.value is not None}
    apart = {
        name: (found[name].value, value)
        for name, value in scored.items()
        if found[name].value != pytest.approx(value, rel=loose.get(name, rel), abs=1e-9)
    }
    assert not apart


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_measure_scores_or_says_why_not(name: str) -> None:
    """Finite, or unsupported with a reason; never failed."""
    for measure, score in scores(name).items():
        assert score.outcome in {"scored", "unsupported"}, f"{measure}: {score.why}"
        assert (score.value is not None and np.isfinite(score.value)) == (score.outcome == "scored"), measure
        assert (len(score.why) > 20) == (score.outcome == "unsupported"), measure


@pytest.mark.parametrize("measure", catalog().values(), ids=list(catalog()))
def test_every_measure_scores_a_plain_network(measure: Measure) -> None:
    """A measure that refuses everything is none; a multilayer perceptron of ReLU has every property there is."""
    assert scores("mlp")[measure.name].outcome == "scored", scores("mlp")[measure.name].why


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_scores_repeat_and_leave_nothing_behind(name: str) -> None:
    """A second run gives the same bits; weights, buffers, modes, data and the global generators stay as they were."""
    subject = network(name).subject()
    state = {key: value.clone() for key, value in subject.model.state_dict().items()}
    inputs, labels = subject.inputs.clone(), subject.labels.clone()
    chance = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002  the global one is meant

    again = score_subject(subject, catalog().values())

    assert {key: score.value for key, score in again.items()} == {k: score.value for k, score in scores(name).items()}
    after = subject.model.state_dict()
    assert state.keys() == after.keys()
    assert all(torch.equal(value, after[key]) for key, value in state.items())
    assert all(value.equal(after[key]) for key, value in subject.params.items())
    assert not any(p.requires_grad or p.grad is not None for p in subject.model.parameters())
    assert not any(module.training or module._forward_hooks for module in subject.model.modules())
    assert torch.equal(subject.inputs, inputs)
    assert torch.equal(subject.labels, labels)
    assert torch.equal(torch.get_rng_state(), chance[0])
    assert str(np.random.get_state()) == str(chance[1])  # noqa: NPY002  the global one is meant
    assert random.getstate() == chance[2]


@pytest.mark.parametrize("measure", catalog().values(), ids=list(catalog()))
def test_a_measure_alone_gives_the_same(measure: Measure) -> None:
    """No measure lives on what another has left behind, nor on a need that another has declared."""
    alone = score_subject(network("mlp").subject(), [measure])[measure.name]

    assert (alone.outcome, alone.value) == ("scored", scores("mlp")[measure.name].value), alone.why


@pytest.mark.parametrize("name", KINDS)
def test_the_size_of_chunks_is_irrelevant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks bound memory and nothing else."""
    monkeypatch.setattr(measures.api, "CHUNK", 7)
    monkeypatch.setattr(Subject.batches, "__defaults__", (None, 7))

    assert_agree(score_subject(network(name).subject(), catalog().values()), scores(name), 1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_the_order_of_examples_is_irrelevant(name: str) -> None:
    """A training set is a set."""
    order = torch.randperm(len(network(name).labels), generator=torch.Generator().manual_seed(0))

    assert_agree(score_subject(network(name).subject(order=order), catalog().values()), scores(name), 1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_float32_is_close_to_float64(name: str) -> None:
    """Scores are computed in float32, and are nearly those of float64."""
    subject = network(name).subject(dtype=torch.float32)

    assert subject.dtype == torch.float32
    assert_agree(score_subject(subject, catalog().values()), scores(name), 1e-3, LOOSE_IN_FLOAT32)


@pytest.mark.parametrize("measure", [m for m in catalog().values() if m.needs], ids=lambda measure: measure.name)
def test_a_missing_need_is_a_reason(measure: Measure) -> None:
    """Without what it needs a measure is unsupported, and the reason names what is missing."""
    data = network("mlp")
    score = score_subject(Subject(data.model, data.inputs, data.labels), [measure])[measure.name]

    assert score.outcome == "unsupported"
    assert any(need in score.why for need in measure.needs)
