"""One failure stays in its own cell."""

import threading
import time
from typing import get_args

import pytest
import torch
from torch import nn

from measures.api import Family, Measure, Subject, measure, shared
from measures.catalogue.outputs.controls import constant, params
from measures.catalogue.weights.distance import fro_dist
from measures.errors import UnknownMeasureError
from measures.registry import CORE, catalog
from measures.scores import Failure, Score
from measures.scoring import choose, numerics, score, score_subject
from tests.measures.networks import network


@measure(source="a test", family="control")
def failing(subject: Subject) -> float:
    """Raises."""
    raise RuntimeError(f"no luck with {subject.num_examples} examples")


@measure(source="a test", family="control", version=3)
def hanging(subject: Subject) -> float:
    """Does not return, and catches every exception that it may."""
    while subject.num_examples:
        try:
            time.sleep(0.01)
        except Exception:  # noqa: BLE001, S112  such measures are handed in
            continue
    return 0.0


def count_labels(subject: Subject) -> float:
    """Number of labels."""
    return float(len(subject.labels))


@measure(source="a test", family="control")
def not_a_number(_: Subject) -> float:
    """Returns NaN."""
    return float("nan")


@measure(source="a test", family="control")
def infinite(_: Subject) -> float:
    """Returns infinity."""
    return float("inf")


@measure(source="a test", family="control")
def greedy(subject: Subject) -> float:
    """Uses what it has not declared."""
    return float(len(subject.init_params))


def test_every_outcome_in_one_run() -> None:
    """Failures, a timeout and refusals take nobody down, and each says why."""
    data = network("mlp")
    subject = Subject(data.model, data.inputs, data.labels)
    chosen: list[Measure] = [failing, hanging, not_a_number, infinite, greedy, fro_dist, params]
    scores = score_subject(subject, chosen, time_limit=0.3)

    assert list(scores) == [item.name for item in chosen]
    assert {name: s.outcome for name, s in scores.items()} == {
        "failing": "failed", "hanging": "timeout", "not_a_number": "failed", "infinite": "failed", "greedy": "failed",
        "fro_dist": "unsupported", "params": "scored",
    }  # fmt: skip
    assert [name for name, s in scores.items() if s.value is not None] == ["params"]
    assert "RuntimeError: no luck with 36 examples" in scores["failing"].why
    assert "must return a finite number; got nan" in scores["not_a_number"].why
    assert "must declare it" in scores["greedy"].why
    assert "'init'" in scores["fro_dist"].why
    assert "0.3 s" in scores["hanging"].why
    assert scores["hanging"].version == 3


def test_the_time_limit_is_one_for_each_measure() -> None:
    """No alarm goes off after a measure has returned, and a measure without a limit has none."""
    subject = network("mlp").subject()
    score_subject(subject, [constant], time_limit=0.05)
    time.sleep(0.1)

    assert score_subject(subject, [constant], time_limit=None)["constant"].outcome == "scored"


def test_the_time_limit_holds_in_other_threads() -> None:
    """Where no signal arrives; a measure that keeps to its limit is not interrupted afterwards."""
    data = network("linear")
    subject = Subject(data.model, data.inputs, data.labels)
    found: dict[str, Score] = {}

    def work() -> None:
        found.update(score_subject(subject, [hanging, constant], time_limit=0.2))
        time.sleep(0.3)
        found.update(score_subject(subject, [params], time_limit=60))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)

    assert {name: one.outcome for name, one in found.items()} == {
        "hanging": "timeout", "constant": "scored", "params": "scored",
    }  # fmt: skip


def test_a_weights_only_measure_sees_no_labels() -> None:
    """It fails instead of a score of one image of zeros."""
    subject = network("linear").subject()
    peeping = measure(source="a test", family="control", weights_only=True)(count_labels)

    outcome = score_subject(subject, [peeping])["count_labels"]
    assert outcome.failure == Failure(
        "undeclared need", "A measure that reads labels must not be declared weights_only=True."
    )
    assert (
        score_subject(subject, [measure(source="a test", family="control")(count_labels)])["count_labels"].value == 36
    )


def test_measures_are_named_in_several_ways() -> None:
    """One text with commas is no list of letters; functions under @measure are scored as they are."""
    data = network("linear")

    def named(names: str | list[str | Measure]) -> list[str]:
        return list(score(data.model, data.inputs, data.labels, names=names))

    assert named("l2") == ["l2"]
    assert named("l2, params") == ["l2", "params"]
    assert named([constant, "l2"]) == ["constant", "l2"]
    assert set(named("core")) == set(CORE)


def test_names_are_looked_up() -> None:
    """A name that is nearly right is answered with the right one; the order is that of the names."""
    data = network("linear")
    scores = score(data.model, data.inputs, data.labels, names=["params", "constant"])

    assert [(name, s.value) for name, s in scores.items()] == [("params", 650.0), ("constant", 1.0)]
    with pytest.raises(UnknownMeasureError, match=r"No measure is called 'path_nrom'\. Did you mean: path_norm"):
        score(data.model, data.inputs, data.labels, names=["path_nrom"])


def test_the_callers_network_is_left_alone() -> None:
    """In train mode, requiring gradients, with the same weights and statistics."""
    data = network("residual")
    model = data.subject().model.train().requires_grad_()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    score(model, data.inputs, data.labels, names=["cross_entropy", "prod_of_spec", "input_margin"])

    assert all(module.training for module in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_attention_can_be_differentiated_twice() -> None:
    """Scores are computed where attention has a second derivative, and the switches are put back."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    q = torch.randn(1, 1, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with numerics():
        assert not torch.backends.cuda.matmul.allow_tf32
        total = nn.functional.scaled_dot_product_attention(q, q, q).square().sum()
        (gradient,) = torch.autograd.grad(total, q, create_graph=True)
        (second,) = torch.autograd.grad(gradient.sum(), q)

    assert second.abs().sum() > 0
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before


def test_a_family_stands_for_its_measures() -> None:
    """No measure has the name of a family; each measure is scored once."""
    margins = {name for name, item in catalog().items() if item.family == "margin"}

    assert {item.name for item in choose("margin")} == margins
    assert not set(get_args(Family)) & set(catalog())
    assert [item.name for item in choose("l2,params,l2")] == ["l2", "params"]


def test_a_pass_that_ran_out_of_time_is_not_started_again() -> None:
    """The next measure that shares it stops at once, and the one that has much more time tries."""
    starts = []

    @shared
    def endless(subject: Subject) -> int:
        """Waits until it has been called for the third time."""
        starts.append(subject.num_examples)
        while len(starts) < 3:
            time.sleep(0.01)
        return 5

    chosen = [
        Measure(name=name, compute=endless, source="a test", family="control") for name in ("first", "second", "third")
    ]
    subject = network("linear").subject()
    scores = score_subject(subject, chosen, time_limit=0.4)
    starts.append(0)
    patient = score_subject(subject, chosen[:1], time_limit=60)["first"]

    assert {score.outcome for score in scores.values()} == {"timeout"}
    assert scores["first"].why == "It ran longer than 0.4 s."
    assert "has run out of time before" in scores["second"].why
    assert starts[:2] == [36, 0]
    assert patient.value == 5


def test_a_budget_is_for_all_measures() -> None:
    """The cheap ones come first, the order of the answer is that of the names, and the others say why they lack."""
    data = network("linear")
    scores = score(data.model, data.inputs, data.labels, names=[hanging, failing, "params"], budget=0.5)

    assert list(scores) == ["hanging", "failing", "params"]
    assert scores["params"].value == 650.0
    assert scores["hanging"].outcome == "timeout"
    assert score(data.model, data.inputs, data.labels, names="l2", budget=0)["l2"].why == (
        "The budget of 0 s was spent before it began."
    )


def test_an_interrupted_call_keeps_what_it_has() -> None:
    """Measures after the interruption are there without a value."""

    @measure(source="a test", family="control")
    def interrupting(_: Subject) -> float:
        """Interrupts."""
        raise KeyboardInterrupt

    data = network("linear")
    scores = score(data.model, data.inputs, data.labels, names=["params", interrupting, "l2"])

    assert [s.value is None for s in scores.values()] == [False, True, True]
    assert scores["l2"].why == "It was interrupted before it was scored."


def test_a_bar_shows_what_is_expected(capsys: pytest.CaptureFixture[str]) -> None:
    """On demand only, for work of no time."""
    data = network("mlp")
    score(data.model, data.inputs, data.labels, names="l2,hess_trace", progress=True)
    assert "2 measures, about" in (shown := capsys.readouterr().err)
    assert "hess_trace" in shown
    score(data.model, data.inputs, data.labels, names="l2,hess_trace")
    assert capsys.readouterr().err == ""
