"""The steps of the main job, on plans made by hand: what is damaged or diverges is said, and no order matters."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from harness.pipeline.plan import Plan
from harness.pipeline.steps import _twins, score_missing, train_missing, warn_of_other_suites
from harness.reports.ranking import RankOptions, rank_source
from harness.reports.write_results import write_results
from harness.store.store import Store
from harness.store.to_ledger import frame_of
from leaderboard.errors import LedgerError
from measures.registry import catalog
from tests.harness.pipeline.planning import BASE, printed


def test_a_diverging_network_is_recorded_and_left_out_of_the_ranking(plan: Plan, console: Console) -> None:
    """It is not trained again, and --all-runs ranks it, too."""
    wild = BASE.replace(learning_rate=1e9)
    plan = replace(plan, recipes=(*plan.recipes, wild), measures={"cross_entropy": catalog()["cross_entropy"]})
    with Store(plan.folder) as store:
        assert train_missing(plan, store, console) == 0
        assert train_missing(plan, store, console) == 0
        record = store.runs()[wild.run_id].record
        score_missing(plan, store, console)
        report = write_results(store, ())

    assert record.stopped == "diverged"
    assert not record.converged
    assert record.train_loss is None
    assert (report.models, report.not_converged) == (2, 1)
    text = (plan.folder / "leaderboard.json").read_text()
    assert json.loads(text)["models"] == 2
    assert "NaN" not in text
    everything = rank_source(plan.folder, RankOptions(within=None, all_runs=True), console).report
    assert everything.models == 3


def test_a_zoo_of_diverged_networks_has_nothing_to_rank(plan: Plan, console: Console) -> None:
    """Every figure is absent, with a reason, and the page is written."""
    plan = replace(plan, recipes=(BASE.replace(learning_rate=1e9),), measures={"param_norm": catalog()["param_norm"]})
    with Store(plan.folder) as store:
        train_missing(plan, store, console)
        score_missing(plan, store, console)
        report = write_results(store, ())

    assert report.models == 0
    assert report.measures["param_norm"].tau_b is None
    assert (plan.folder / "leaderboard.html").is_file()


def test_without_a_score_there_is_nothing_to_rank(plan: Plan, console: Console) -> None:
    """The ledger of a zoo that was only trained says so."""
    with Store(plan.folder) as store:
        train_missing(plan, store, console)

    with pytest.raises(LedgerError, match="complexity measure"):
        rank_source(plan.folder, RankOptions(within=None), console)


def test_weights_that_are_damaged_before_scoring_are_named_and_not_scored(plan: Plan, console: Console) -> None:
    """The others are scored, and the step reports a failure."""
    with Store(plan.folder) as store:
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
    with Store(plan.folder) as store:
        assert train_missing(plan, store, console) == 2
        assert len(store.runs()) == 2

    assert "2 networks were not trained" in printed(console)
    assert "5000" in printed(console)


def test_a_run_of_another_plan_is_left_alone(plan: Plan, console: Console) -> None:
    """Damaged or not, it is not this command's."""
    with Store(plan.folder) as store:
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
    with Store(plan.folder) as store:
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
                part = replace(plan, recipes=recipes, options=replace(plan.options, out=tmp_path / name))
                train_missing(part, store, console)
                score_missing(part, store, console)
            frames.append(frame_of(store).drop(columns=["seconds", "cost.param_norm"]))

    once, twice = frames
    pd.testing.assert_frame_equal(once, twice, check_exact=True)


def test_networks_of_another_suite_are_named(plan: Plan, console: Console) -> None:
    """Those that this plan asks for too, and those that it left out by a limit, are its own."""
    other = replace(
        plan,
        options=replace(plan.options, suite="jiang"),
        recipes=(plan.recipes[0], BASE.replace(seed=1), BASE.replace(seed=2)),
    )
    with Store(plan.folder) as store:
        train_missing(plan, store, console)
        warn_of_other_suites(replace(plan, recipes=plan.recipes[:1]), store, console)
        assert "other suites" not in printed(console)
        train_missing(other, store, console)
        warn_of_other_suites(plan, store, console)
        full = replace(other, options=replace(other.options, size="full"), recipes=other.recipes[:2])
        warn_of_other_suites(full, store, console)

    assert f"{plan.folder} also holds networks of other suites (2 of jiang), which are ranked with those of smoke." in (
        printed(console)
    )
    assert "(1 of jiang, 1 of smoke), which are ranked with those of jiang-full" in printed(console)
