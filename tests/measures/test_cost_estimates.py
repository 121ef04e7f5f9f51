"""Costs are stated before the work: shared passes count once, and unknown measures are named."""

import itertools

import pytest

from measures import estimate
from measures.api import CHUNK, Subject, measure
from measures.cost_estimates import Cost, Kind, estimate_cost, format_costs, read_costs, time_pass
from measures.registry import catalog
from tests.measures.networks import network


@measure(source="a test", family="control")
def submitted(_: Subject) -> float:
    """One."""
    return 1.0


def test_the_table_covers_the_catalogue() -> None:
    """Each measure that is computed unasked has a row, and each pass that a row names."""
    table = read_costs()
    expected = {name for name, item in catalog().items() if not item.on_request}

    assert expected <= {name for kind, name in table if kind == "measure"}
    assert {used for cost in table.values() for used in cost.uses} <= {name for kind, name in table if kind == "pass"}
    assert all(cost.seconds >= 0 and cost.passes >= 0 for cost in table.values())


def test_shared_passes_count_once() -> None:
    """The second of two measures of one pass adds what it costs itself; measures without their needs are free."""
    subject = network("mlp").subject()
    pair = [catalog()["hess_trace"], catalog()["hess_fro"]] if "hess_fro" in catalog() else [catalog()["hess_trace"]]
    cost = estimate_cost(subject, [*pair, *pair])

    assert cost.seconds < sum(cost.alone.values()) * 2
    assert cost.added["hess_trace"] < cost.alone["hess_trace"]
    data = network("mlp")
    without = Subject(data.model, data.inputs, data.labels)
    assert estimate_cost(without, [catalog()["fro_dist"]]).seconds == 0
    assert estimate_cost(without, [submitted]).unknown == ("submitted",)


def test_an_estimate_reads_as_a_sentence() -> None:
    """Sum first, then the most expensive ones."""
    data = network("mlp")
    cost = estimate(data.model, data.inputs, data.labels, names=["l2", "hess_trace", submitted])

    assert str(cost).startswith("2 measures, about ")
    assert str(cost).index("hess_trace") < str(cost).index("l2")
    assert str(cost).endswith("nothing is known of submitted")
    assert cost.alone["hess_trace"] > cost.alone["l2"]


def test_a_pass_is_timed_over_all_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of one chunk, times the number of chunks."""
    clock = itertools.count()
    monkeypatch.setattr("measures.cost_estimates.time.perf_counter", lambda: float(next(clock)))
    data = network("mlp")
    large = Subject(data.model, data.inputs.repeat(20, 1, 1, 1), data.labels.repeat(20))

    assert time_pass(data.subject()) == 1
    assert time_pass(large) == 720 / CHUNK


def test_costs_are_written_sorted() -> None:
    """Three digits, the passes that are used side by side."""
    costs: dict[tuple[Kind, str], Cost] = {
        ("pass", "p"): Cost(0, 2, frozenset()),
        ("measure", "b"): Cost(0.5, 1.23456, frozenset({"q", "p"})),
    }

    assert format_costs(costs) == "kind,name,seconds,passes,uses\nmeasure,b,0.5,1.23,p q\npass,p,0,2,\n"
