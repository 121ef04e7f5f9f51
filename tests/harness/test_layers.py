"""What each layer gives to a score: stored on request, and written as a table of its own."""

from pathlib import Path

import pandas as pd
import pytest

from harness.store import Store
from harness.weights import PackedRun
from measures import Score
from tests.harness.conftest import Gapbench


def test_shares_of_layers_are_exported_and_add_up_to_the_score(zoo: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """One row a network, measure and layer; a measure that is no sum over layers has none."""
    options = ("--out", zoo, "--measures", "l1,train_error", "--layers")
    assert gapbench("score", "smoke", "--limit", "4", *options).exit_code == 0
    assert gapbench("export", zoo, "--layers", "-o", tmp_path / "layers.csv").exit_code == 0
    assert gapbench("export", zoo, "-o", tmp_path / "ledger.csv").exit_code == 0
    layers, ledger = pd.read_csv(tmp_path / "layers.csv"), pd.read_csv(tmp_path / "ledger.csv").set_index("run_id")

    assert list(layers.columns) == ["run_id", "measure", "version", "layer", "value"]
    assert set(layers["measure"]) == {"l1"}
    assert layers.groupby("run_id")["layer"].nunique().min() >= 2
    totals = layers.groupby("run_id")["value"].sum()
    assert len(totals) == 4
    assert totals.to_dict() == pytest.approx(ledger["measure.l1"].to_dict(), rel=1e-12)


def test_without_shares_there_is_nothing_to_export(zoo: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """It is refused, and says where they come from; no empty file is written."""
    result = gapbench("export", zoo, "--layers", "-o", tmp_path / "layers.csv")

    assert result.exit_code == 2
    assert "it holds nothing. That is stored while scoring with --layers" in " ".join(result.stderr.split())
    assert not (tmp_path / "layers.csv").exists()


def test_shares_belong_to_a_version_and_to_weights(tmp_path: Path, packed: PackedRun) -> None:
    """Those of a version are replaced, of another stand beside them; none is stored unasked or outlives its weights."""
    with Store(tmp_path) as store:
        run_id = store.add_run(packed)
        for version in (1, 2):
            score = Score(3.0 * version, "scored", 0.1, version, layers={"b": 2.0 * version, "a": 1.0 * version})
            store.add_scores(run_id, {"l2": score}, layers=True)
        store.add_scores(run_id, {"l2": Score(7.0, "scored", 0.1, 2, layers={"b": 5.0, "a": 2.0})}, layers=True)
        store.add_scores(run_id, {"l1": score})
        kept = store.layers()
        store.add_run(packed)
        afterwards = store.layers()

    assert kept == [(run_id, "l2", 1, "b", 2.0), (run_id, "l2", 1, "a", 1.0), (run_id, "l2", 2, "b", 5.0),
                    (run_id, "l2", 2, "a", 2.0)]  # fmt: skip
    assert afterwards == []
