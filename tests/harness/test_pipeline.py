"""The steps of the main job, on plans made by hand: what fails stays in its cell, what diverges is said."""

import io
import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from harness import work
from harness.ledger import frame_of
from harness.pipeline import _twins, score_missing, train_missing
from harness.plan import Plan
from harness.report import ranked, write_results
from harness.store import Store
from harness.submitted import submitted
from leaderboard.mapping import LedgerError
from measures.catalog import catalog
from zoo.recipe import Recipe

BASE = Recipe(train_size=64, batch_size=16, learning_rate=0.05, max_epochs=40, target_loss=0.1)

PLUGIN = '''
import time
from measures import UnsupportedModel, measure

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
    raise UnsupportedModel("It has no taste for this network.")
'''


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A file of measures, most of them bad."""
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two networks and two measures, in this process."""
    return Plan(
        suite="smoke",
        recipes=(BASE, BASE.replace(width=2.0)),
        measures={name: catalog()[name] for name in ("param_norm", "gde_disagreement")},
        out=tmp_path / "zoo",
        device="cpu",
        fleet=1,
        executor="local",
        workers=1,
        data_dir=None,
    )


@pytest.fixture
def console() -> Console:
    """Keeps what is printed."""
    return Console(file=io.StringIO(), width=200)


def with_plugin(plan: Plan, plugin: Path, *names: str) -> Plan:
    """The plan with these measures of the file beside its own."""
    outside = submitted(plugin, catalog())
    return replace(
        plan,
        measures={**plan.measures, **{name: outside.measures[name] for name in names}},
        submissions={name: outside.submissions[name] for name in names},
    )


def printed(console: Console) -> str:
    """What was printed so far."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_bad_measure_costs_its_own_cells(
    plan: Plan, plugin: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It raises, is no number, or never ends: the others stand, and only what failed is tried again."""
    monkeypatch.setattr(work, "TIME_LIMIT", 0.3)
    plan = with_plugin(plan, plugin, "good", "raises", "undefined", "sleeps", "picky")
    with Store(plan.out) as store:
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
        assert "6 cells were not scored" in printed(console)

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
    with Store(plan.out) as store:
        train_missing(plan, store, console)
        assert score_missing(plan, store, console) == 2
        outcomes = {(name, score.outcome) for _, name, score in store.scores()}
        assert outcomes == {("leaves", "failed"), ("param_norm", "scored")}


def test_the_sign_of_a_plugin_outlives_the_plugin(plan: Plan, plugin: Path, console: Console) -> None:
    """A zoo is ranked later, without the file."""
    plan = with_plugin(plan, plugin, "good")
    with Store(plan.out) as store:
        train_missing(plan, store, console)
        score_missing(plan, store, console)
        report = write_results(store, "smoke")
    plugin.unlink()
    later, _ = ranked(plan.out, "gap", "corruption", console, all_runs=False)

    assert report["measures"]["good"]["expected_sign"] == -1
    assert later["measures"]["good"]["expected_sign"] == -1
    assert later["measures"]["good"]["family"] == "norm"


def test_a_diverging_network_is_recorded_and_left_out_of_the_ranking(plan: Plan, console: Console) -> None:
    """It is not trained again, and --all-runs ranks it, too."""
    wild = BASE.replace(learning_rate=1e9)
    plan = replace(plan, recipes=(*plan.recipes, wild), measures={"cross_entropy": catalog()["cross_entropy"]})
    with Store(plan.out) as store:
        assert train_missing(plan, store, console) == 0
        assert train_missing(plan, store, console) == 0
        record = store.runs()[wild.run_id].record
        score_missing(plan, store, console)
        report = write_results(store, "smoke")

    assert record.stopped == "diverged"
    assert not record.converged
    assert record.train_loss is None
    assert (report["models"], report["not_converged"]) == (2, 1)
    text = (plan.out / "leaderboard.json").read_text()
    assert json.loads(text)["models"] == 2
    assert "NaN" not in text
    everything, _ = ranked(plan.out, "gap", None, console, all_runs=True)
    assert everything["models"] == 3


def test_a_zoo_of_diverged_networks_has_nothing_to_rank(plan: Plan, console: Console) -> None:
    """Every figure is absent, with a reason, and the page is written."""
    plan = replace(plan, recipes=(BASE.replace(learning_rate=1e9),), measures={"param_norm": catalog()["param_norm"]})
    with Store(plan.out) as store:
        train_missing(plan, store, console)
        score_missing(plan, store, console)
        report = write_results(store, "smoke")

    assert report["models"] == 0
    assert report["measures"]["param_norm"]["tau_b"] is None
    assert (plan.out / "leaderboard.html").is_file()


def test_without_a_score_there_is_nothing_to_rank(plan: Plan, console: Console) -> None:
    """The ledger of a zoo that was only trained says so."""
    with Store(plan.out) as store:
        train_missing(plan, store, console)

    with pytest.raises(LedgerError, match="complexity measure"):
        ranked(plan.out, "gap", None, console, all_runs=False)


def test_weights_that_are_damaged_before_scoring_are_named_and_not_scored(plan: Plan, console: Console) -> None:
    """The others are scored, and the step reports a failure."""
    with Store(plan.out) as store:
        train_missing(plan, store, console)
        (store.folder / "runs" / BASE.run_id / "initial.safetensors").unlink()
        assert score_missing(plan, store, console) == 1
        assert {run_id for run_id, _, _ in store.scores()} == {plan.recipes[1].run_id}

    assert f"{BASE.run_id}/initial.safetensors" in printed(console)
    assert "Train it again" in printed(console)


def test_a_network_that_cannot_be_trained_takes_no_other_down(plan: Plan, console: Console) -> None:
    """A fleet that fails is counted by its networks; what was trained is there."""
    impossible = BASE.replace(train_size=5000)  # the digits have 1,297
    plan = replace(plan, recipes=(impossible, impossible.replace(seed=1), *plan.recipes))
    with Store(plan.out) as store:
        assert train_missing(plan, store, console) == 2
        assert len(store.runs()) == 2

    assert "2 networks were not trained" in printed(console)
    assert "5000" in printed(console)


def test_a_run_of_another_plan_is_left_alone(plan: Plan, console: Console) -> None:
    """Damaged or not, it is not this command's."""
    with Store(plan.out) as store:
        train_missing(plan, store, console)
        (store.folder / "runs" / BASE.run_id / "final.safetensors").unlink()
        other = replace(plan, recipes=plan.recipes[1:])
        assert train_missing(other, store, console) == 0
        assert score_missing(other, store, console) == 0
        assert set(store.runs()) == {recipe.run_id for recipe in plan.recipes}


def test_twins_go_round_the_seeds_and_ask_for_all_else_equal() -> None:
    """Seeds 0, 3 and 5 of one recipe in a circle; a recipe of another width stands alone."""
    zero, three, five = (BASE.replace(seed=seed) for seed in (0, 3, 5))
    alone = BASE.replace(width=2.0)

    assert _twins([five, zero, alone, three]) == {
        zero.run_id: three.run_id, three.run_id: five.run_id, five.run_id: zero.run_id, alone.run_id: ""
    }  # fmt: skip


def test_hyperparameters_that_are_the_same_everywhere_are_left_out(plan: Plan, console: Console) -> None:
    """Also where they are absent everywhere, as the size of a training set that is used whole."""
    whole = [
        recipe.replace(train_size=None, max_epochs=1, learning_rate=0.01 * (place + 1))
        for place, recipe in enumerate(plan.recipes)
    ]
    with Store(plan.out) as store:
        train_missing(replace(plan, recipes=tuple(whole)), store, console)
        frame = frame_of(store)

    assert [name for name in frame.columns if name.startswith("hp.")] == ["hp.width", "hp.learning_rate"]
    assert (frame["gap"] == frame["train_accuracy"] - frame["test_accuracy"]).all()


def test_the_order_in_which_networks_are_trained_does_not_matter(plan: Plan, console: Console, tmp_path: Path) -> None:
    """One by one, and in two goes, the ledgers are equal but for seconds."""
    frames = []
    for name, goes in (("once", [plan.recipes]), ("twice", [plan.recipes[1:], plan.recipes])):
        with Store(tmp_path / name) as store:
            for recipes in goes:
                part = replace(plan, recipes=recipes, out=tmp_path / name)
                train_missing(part, store, console)
                score_missing(part, store, console)
            frames.append(frame_of(store).drop(columns=["seconds", "cost.param_norm"]))

    once, twice = frames
    pd.testing.assert_frame_equal(once, twice, check_exact=True)


def test_an_edited_measure_is_never_mixed_with_its_older_self(plan: Plan, plugin: Path, console: Console) -> None:
    """Scores of other code than was last asked for are stale: shown as such, not ranked, and computed again."""
    plan = with_plugin(plan, plugin, "good")
    with Store(plan.out) as store:
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
