"""Measures of a file in the main job: what fails stays in its cell, and what was edited is scored again."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.pipeline import workers
from harness.pipeline.plan import Plan
from harness.pipeline.steps import score_missing, train_missing
from harness.reports.ranking import RankOptions, rank_source
from harness.reports.write_results import write_results
from harness.sandbox.plugins import load_plugins
from harness.store.store import Store
from harness.store.to_ledger import frame_of
from measures.registry import catalog
from tests.harness.pipeline.planning import printed

PLUGIN = '''
import time
from measures import UnsupportedModelError, measure

@measure(source="this test", family="norm", expected_sign=-1)
def good(subject):
    """Minus the number of parameters."""
    return -float(sum(p.numel() for p in subject.params.values()))

@measure(source="this test", family="norm")
def raises(subject):
    """Nothing."""
    raise KeyError("a [/bracket] in the reason")

@measure(source="this test", family="norm")
def leaves(subject):
    """Nothing."""
    raise SystemExit(3)

@measure(source="this test", family="norm")
def undefined(subject):
    """Not a number."""
    return float("nan")

@measure(source="this test", family="norm")
def sleeps(subject):
    """Nothing, late."""
    time.sleep(30)
    return 0.0

@measure(source="this test", family="norm")
def picky(subject):
    """Nothing."""
    raise UnsupportedModelError("It has no taste for this network.")
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A file of measures, most of them bad."""
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    return path


def with_plugin(plan: Plan, plugin: Path, *names: str) -> Plan:
    """The plan with these measures of the file beside its own."""
    outside = load_plugins(plugin, catalog())
    return replace(
        plan,
        measures={**plan.measures, **{name: outside.measures[name] for name in names}},
        submissions={name: outside.submissions[name] for name in names},
    )


def test_a_bad_measure_costs_its_own_cells(
    plan: Plan, plugin: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raises, is no number, or never ends: the others stand, and only what failed is tried again."""
    monkeypatch.setattr(workers, "TIME_LIMIT", 0.3)
    plan = with_plugin(plan, plugin, "good", "raises", "undefined", "sleeps", "picky")
    with Store(plan.folder) as store:
        assert train_missing(plan, store, console) == 0
        assert score_missing(plan, store, console) == 6  # three bad measures of two networks
        cells = {(run_id, name): score for run_id, name, score in store.scores()}
        for recipe in plan.recipes:
            of = {name: cells[recipe.run_id, name] for name in plan.submissions}
            assert {name: score.outcome for name, score in of.items()} == {
                "good": "scored", "raises": "failed", "undefined": "failed", "sleeps": "timeout", "picky": "unsupported"
            }  # fmt: skip
            assert "a [/bracket] in the reason" in of["raises"].why
            assert "finite" in of["undefined"].why
            assert cells[recipe.run_id, "param_norm"].outcome == "scored"
            assert (recipe.run_id, "gde_disagreement") not in cells, "it has no twin"
        assert "6 scores failed" in printed(console)

        with sqlite3.connect(store.path) as connection:
            connection.execute("UPDATE scores SET created = 'before'")
        connection.close()
        score_missing(plan, store, console)
        with sqlite3.connect(store.path) as connection:
            again = {name for (name,) in connection.execute("SELECT measure FROM scores WHERE created != 'before'")}
        connection.close()
        assert again == {"raises", "undefined", "sleeps"}


def test_a_measure_that_ends_the_process_costs_its_own_network(plan: Plan, plugin: Path, console: Console) -> None:
    """`sys.exit` in a measure is no way out of the program."""
    plan = with_plugin(plan, plugin, "leaves")
    with Store(plan.folder) as store:
        train_missing(plan, store, console)
        assert score_missing(plan, store, console) == 2
        outcomes = {(name, score.outcome) for _, name, score in store.scores()}
        assert outcomes == {("leaves", "failed"), ("param_norm", "scored")}


def test_the_sign_of_a_plugin_outlives_the_plugin(plan: Plan, plugin: Path, console: Console) -> None:
    """A zoo is ranked later, without the file."""
    plan = with_plugin(plan, plugin, "good")
    with Store(plan.folder) as store:
        train_missing(plan, store, console)
        score_missing(plan, store, console)
        report = write_results(store, ())
    plugin.unlink()
    later = rank_source(plan.folder, RankOptions(), console).report

    assert report.measures["good"].expected_sign == -1
    assert later.measures["good"].expected_sign == -1
    assert later.measures["good"].family == "norm"


def test_an_edited_measure_is_never_mixed_with_its_older_self(plan: Plan, plugin: Path, console: Console) -> None:
    """Scores of other code than was last asked for are stale: shown as such, not ranked, and computed again."""
    plan = with_plugin(plan, plugin, "good")
    with Store(plan.folder) as store:
        train_missing(plan, store, console)
        score_missing(plan, store, console)
        before = frame_of(store)["measure.good"].tolist()
        plugin.write_text(PLUGIN.replace("-float(sum(", "-2 * float(sum("))
        edited = with_plugin(plan, plugin, "good")
        score_missing(replace(edited, recipes=edited.recipes[:1]), store, console)
        half = frame_of(store).set_index("run_id")
        first, second = (recipe.run_id for recipe in edited.recipes)
        score_missing(edited, store, console)
        after = frame_of(store)["measure.good"].tolist()

    assert half.loc[first, "outcome.good"] == "scored"
    assert half.loc[second, "outcome.good"] == "stale"
    assert half["measure.good"].isna()[second]
    assert "another version" in str(half.loc[second, "why.good"])
    assert after == [2 * value for value in before]
