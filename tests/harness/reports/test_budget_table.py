"""Budgets of measures: what they are found to compute, and the table of the catalogue."""

from pathlib import Path

from harness.reports.budget_table import find_budgets
from harness.store.budgets import format_budgets, read_budgets
from leaderboard.findings.situations import BUDGETS, Budget
from measures import Subject, UnsupportedModelError
from measures.registry import catalog
from tests.measures.networks import network

KNOWN: dict[str, Budget] = {
    "l2": "forward passes",
    "mean_margin": "forward passes",
    "input_margin": "gradients",
    "sam_sharpness": "gradients",
    "ntk_trace": "gradients",
    "hess_trace": "curvature",
    "laplace_evidence": "curvature",
}


def test_what_measures_compute() -> None:
    """Found by watching automatic differentiation, also where it is under vmap, and as the table says."""
    found = find_budgets([network("mlp").subject], [catalog()[name] for name in KNOWN])

    assert found == KNOWN
    assert {name: read_budgets()[name] for name in KNOWN} == KNOWN


def test_a_network_that_refuses() -> None:
    """The next one is asked; a measure that all refuse has no budget."""

    def refuse() -> Subject:
        raise UnsupportedModelError("not this one")

    measure = catalog()["l2"]
    assert find_budgets([refuse, network("mlp").subject], [measure]) == {"l2": "forward passes"}
    assert find_budgets([refuse], [measure]) == {}


def test_the_table(tmp_path: Path) -> None:
    """What is written is read again; every budget is known, and no measure is made up."""
    table = read_budgets()
    (tmp_path / "table.csv").write_text(format_budgets(table))

    assert read_budgets(tmp_path / "table.csv") == table
    assert read_budgets(tmp_path / "none.csv") == {}
    assert set(table.values()) == set(BUDGETS)
    assert set(table) <= set(catalog())
