"""Provenance in a ranking: suites, machines and claims."""

import json
from pathlib import Path

from harness.pipeline.run_options import RunOptions
from harness.reports.write_results import suites_in
from harness.store.provenance import SUITE
from harness.store.store import Store
from harness.store.weights import pack
from tests.harness.conftest import Gapbench
from zoo.recipe import Recipe
from zoo.training.record import TrainedRun
from zoo.training.train import train


def test_a_zoo_names_the_suites_that_it_was_trained_for(trained: TrainedRun, tmp_path: Path) -> None:
    """Whatever its folder is called; that stands only for networks from before the suite was recorded."""
    (other,) = train([Recipe(train_size=32, batch_size=16, max_epochs=1, seed=1)], fleet=1)
    with Store(tmp_path / "zoo") as store:
        store.add_run(pack(trained, {SUITE: "smoke"}))
        assert suites_in(store) == "smoke"
        store.add_run(pack(other, {SUITE: "jiang-full"}))
        assert suites_in(store) == "jiang-full, smoke"
        store.add_run(pack(other, {}))
        assert suites_in(store) == "smoke, zoo"


def test_a_run_records_its_suite_and_size(finished: Path) -> None:
    """Beside what made its numbers, not among it."""
    with Store(finished) as store:
        assert suites_in(store) == "smoke"
    made_by = json.loads((finished / "leaderboard.json").read_text())["provenance"]
    assert made_by["suite"] == "smoke"
    assert SUITE not in made_by["machine 1"]
    assert RunOptions(suite="jiang").suite_and_size == "jiang"
    assert RunOptions(suite="jiang", size="full").suite_and_size == "jiang-full"


def test_claims_that_cannot_be_read_are_named(zoo: Path, gapbench: Gapbench) -> None:
    """With what to do."""
    (zoo / "claims.json").write_text("[{")
    answer = gapbench("rank", zoo, "--bootstrap", "0")

    assert answer.exit_code == 2
    assert "claims.json must be JSON; it cannot be read" in " ".join(answer.stderr.split())
