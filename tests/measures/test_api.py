"""Test the interface of measures: what a measure may see, what it may not, and its cost."""

from typing import Any

import pytest
import torch
from torch import nn

from measures.api import Measure, Subject, UndeclaredNeedError, UnsupportedModelError, measure, seed_for, shared
from tests.measures.networks import network


def declared(**metadata: Any) -> Measure:
    """A measure with this metadata."""

    def compute(subject: Subject) -> float:
        """Mean logit."""
        return float(subject.logits_of(subject.inputs).mean())

    return measure(**{"source": "a test", "family": "margin", **metadata})(compute)


def test_the_network_is_copied_into_eval_mode() -> None:
    """A network in train mode is scored in eval mode and left in train mode, its gradients untouched."""
    data = network("conv_bn")
    model = data.subject().model.train().requires_grad_()
    statistics = model.get_buffer("1.running_mean").clone()
    subject = Subject(model, data.inputs, data.labels)
    subject.logits_of(subject.inputs)

    assert torch.equal(subject.logits_of(data.inputs), data.model(data.inputs))
    assert all(module.training for module in model.modules())
    assert all(p.requires_grad for p in model.parameters())
    assert not any(p.requires_grad for p in subject.params.values())
    assert torch.equal(model.get_buffer("1.running_mean"), statistics)


@pytest.mark.parametrize("part", ["init_params", "init_buffers", "twin", "unlabeled"])
def test_an_undeclared_need_raises(part: str) -> None:
    """Metadata that is wrong is found out at once, given or not."""
    need = part.partition("_")[0]

    with pytest.raises(UndeclaredNeedError, match=f"'{need}' must declare it"):
        getattr(network("mlp").subject(), part)
    granted = network("mlp").subject()._with_needs(frozenset({need}))  # type: ignore[arg-type]  # one of the three
    assert getattr(granted, part) is not None


def test_what_does_not_fit_is_refused() -> None:
    """The message says what must hold and what was given."""
    data = network("mlp")
    start = dict(data.init_state)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"labels": data.labels[:-1]}, "same length"),
        ({"labels": data.labels.double()}, "must be int64"),
        ({"labels": data.labels + 5}, "must lie in 0 to 9"),
        ({"labels": data.labels - 1}, "must lie in 0 to 9"),
        ({"model": nn.Flatten()}, "must have parameters"),
        ({"model": nn.Conv2d(1, 2, 3).double()}, "must return logits"),
        ({"init_state": {k: v for k, v in start.items() if k != "3.bias"}}, "'3.bias' is missing"),
        ({"init_state": {**start, "3.bias": torch.zeros(3)}}, r"must have shape \(8,\); got \(3,\)"),
    ]
    for wrong, message in cases:
        arguments: dict[str, Any] = {"model": data.model, "inputs": data.inputs, "labels": data.labels, **wrong}
        with pytest.raises(ValueError, match=message):
            Subject(**arguments)


def test_metadata_is_checked() -> None:
    """A measure without source, formula or known family cannot be declared."""
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"family": "mood"}, "family must be one of control"),
        ({"needs": {"test_labels"}}, "needs must be among init, twin, unlabeled, trajectory, refit; got test_labels"),
        ({"expected_sign": 0}, "expected_sign must be"),
        ({"source": " "}, "must have a source"),
    ]
    for metadata, message in wrong:
        with pytest.raises(ValueError, match=message):
            declared(**metadata)
    with pytest.raises(ValueError, match="docstring"):
        measure(source="a test", family="norm")(lambda _: 0.0)


def test_chance_depends_on_names_and_seed_alone() -> None:
    """Streams are the same for every network, and differ by name and by seed."""

    def draw(network_name: str, seed: int, *names: object) -> float:
        return float(torch.rand((), generator=network(network_name).subject(seed=seed).generator(*names)))

    assert draw("mlp", 0, "noise") == draw("vit", 0, "noise")
    assert len({draw("mlp", 0, "noise"), draw("mlp", 1, "noise"), draw("mlp", 0, "noise", 1)}) == 3
    assert seed_for("digits", 3, "noise") == seed_for("digits", "3", "noise") != seed_for("digits", "3noise")
    assert seed_for("digits", 3, "noise") == 4231016573801989877  # scores depend on it


def test_a_sample_follows_the_examples() -> None:
    """The same examples are drawn whatever their order, without replacement; another seed draws others."""
    data = network("mlp")
    order = torch.arange(len(data.labels)).flip(0)
    subject, turned = data.subject(), data.subject(order=order)
    chosen = subject.sample(9)

    assert len(set(chosen.tolist())) == 9
    assert torch.equal(subject.inputs[chosen], turned.inputs[turned.sample(9)])
    assert not torch.equal(chosen, data.subject(seed=1).sample(9))
    assert torch.equal(torch.cat([x for x, _ in subject.batches(9, size=4)]), subject.inputs[chosen])
    assert [len(y) for _, y in subject.batches(size=10)] == [10, 10, 10, 6]


def test_a_shared_pass_runs_once_and_is_charged_to_each_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each user pays what it would have cost alone, with the passes under the pass; a clock that tests set."""
    runs = []
    clock = [0.0]
    monkeypatch.setattr("measures.pass_cache.time.perf_counter", lambda: clock[0])

    @shared
    def inner(_: Subject) -> int:
        runs.append("inner")
        clock[0] += 2
        return 1

    @shared
    def outer(subject: Subject) -> int:
        runs.append("outer")
        clock[0] += 3
        return inner(subject) + 1

    @measure(source="a test", family="control")
    def first(subject: Subject) -> float:
        """Uses the outer pass twice."""
        return outer(subject) + outer(subject)

    @measure(source="a test", family="control")
    def second(subject: Subject) -> float:
        """Uses both passes."""
        clock[0] += 1
        return outer(subject) + inner(subject)

    subject = network("mlp").subject()
    (one, cost), (two, other) = first.evaluate(subject), second.evaluate(subject)

    assert (one, two) == (4, 3)
    assert runs == ["outer", "inner"]
    assert [len(usage.passes) for usage in (cost, other)] == [2, 2]
    assert (cost.seconds, other.seconds) == (5, 6)


def test_passes_of_one_name_in_two_modules_stay_apart() -> None:
    """The name of a pass is that of its module and function."""

    def variant(value: int, module: str) -> float:
        def spectrum(_: Subject) -> int:
            return value

        spectrum.__module__ = module
        return shared(spectrum)(subject)

    subject = network("mlp").subject()

    assert (variant(1, "plugin_a"), variant(2, "plugin_b"), variant(3, "plugin_a")) == (1, 2, 1)


def test_a_failed_pass_is_not_remembered() -> None:
    """What a pass raises comes again at the next user, and costs go on adding up."""
    runs = []

    @shared
    def broken(_: Subject) -> int:
        runs.append(1)
        raise RuntimeError("broken")

    subject = network("mlp").subject()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            broken(subject)

    assert len(runs) == 2
    assert not subject._cache.frames


def test_a_refusal_is_remembered() -> None:
    """What is unsupported once is so for every user, at the cost of finding out once."""
    runs = []

    @shared
    def refusing(_: Subject) -> int:
        runs.append(1)
        raise UnsupportedModelError("It has no such thing.")

    subject = network("mlp").subject()
    for _ in range(3):
        with pytest.raises(UnsupportedModelError, match="It has no such thing"):
            refusing(subject)

    assert len(runs) == 1
    assert not subject._cache.frames
