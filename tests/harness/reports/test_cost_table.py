"""The table of costs is fitted on the networks of trained zoos."""

import pytest

from harness.reports.cost_table import Timing, fit, time_measures
from measures.registry import catalog
from tests.measures.networks import network


def test_a_fixed_part_and_a_part_in_passes_are_told_apart() -> None:
    """Exact timings are fitted exactly, and what only grows has no fixed part."""
    timings = [Timing(0.5 + 3 * t, t, frozenset({"p"})) for t in (0.001, 0.1, 2.0)]
    cost = fit(timings)

    assert cost.seconds == pytest.approx(0.5)
    assert cost.passes == pytest.approx(3)
    assert cost.uses == {"p"}
    assert fit([Timing(t * t, t, frozenset()) for t in (1.0, 2.0)]).seconds == 0


def test_passes_are_timed_apart_from_the_measures_that_use_them() -> None:
    """The measure keeps its own share; each pass behind it has a row."""
    subject = network("mlp").subject()
    found = time_measures(subject, [catalog()[name] for name in ("hess_trace", "l2", "fro_dist")])
    used = found["measure", "hess_trace"].uses

    assert used
    assert {("pass", name) for name in used} <= found.keys()
    assert len({timing.pass_seconds for timing in found.values()}) == 1
