"""Observations of a network are stored with it and reach the claims."""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from harness.pipeline.plan import Plan, make_plan
from harness.pipeline.run_options import RunOptions
from harness.pipeline.steps import observe_missing
from harness.store.store import Store
from harness.store.to_ledger import evidence_of, frame_of
from harness.store.weights import pack
from measures import Score
from tests.harness.conftest import Gapbench
from zoo.training.record import TrainedRun


def planned(zoo: Path) -> Plan:
    """The finished zoo's plan, with predictions to be observed."""
    options = RunOptions(
        suite="smoke", out=zoo, device="cpu", fleet=1, executor="local", workers=1, limit=4, measures="params"
    )
    return replace(make_plan(options), observations=("test_predictions",))


def test_predictions_are_observed_once(zoo: Path) -> None:
    """They give the test accuracy of the record; a second call finds nothing to do."""
    console = Console(quiet=True)
    with Store(zoo) as store:
        assert observe_missing(planned(zoo), store, console) == 0
        evidence = evidence_of(store)
        assert len(store.observed()) == 4
        for run_id, accuracy in frame_of(store).set_index("run_id")["test_accuracy"].items():
            predicted, labels = (evidence.arrays[name][str(run_id)] for name in ("test_predictions", "test_labels"))
            assert sum(p == y for p, y in zip(predicted, labels, strict=True)) / len(labels) == accuracy
        assert {"hp.depth", "hp.optimizer"} <= set(evidence.ledger.columns), "also what is the same everywhere"
        assert "hp.depth" not in frame_of(store).columns
        assert observe_missing(planned(zoo), store, console) == 0


def test_claims_may_add_a_column_to_many(tmp_path: Path, trained: TrainedRun) -> None:
    """The ledger of a whole catalogue lies in one piece: of hundreds of single columns pandas would warn."""
    with Store(tmp_path) as store:
        run_id = store.add_run(pack(trained, {}))
        store.add_scores(run_id, {f"m{place}": Score(1.0, "scored", 0.5, 1, "", ()) for place in range(120)})
        added = evidence_of(store).ledger.assign(side=1)

    assert added["side"].tolist() == [1]


def test_training_also_observes(tmp_path: Path, gapbench: Gapbench) -> None:
    """What a suite looks at is stored with its networks before anything is scored."""
    assert gapbench("train", "expressivity", "--limit", "1", "--out", tmp_path).exit_code == 0
    with Store(tmp_path) as store:
        (run_id,) = store.runs()
        assert store.observations()[run_id]["num_examples"] == store.runs()[run_id].recipe.train_size
