"""Parts of a reference ledger hold all networks once, and what rebuilds its weights."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from harness.reports.reference import parts_in, read_parts
from harness.reports.reference_part import main
from harness.store.store import Store
from harness.store.weights import PackedRun
from zoo.recipe import Recipe


def test_a_part_holds_what_earlier_parts_lack(
    tmp_path: Path, packed: PackedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """One network, then another; a third call finds nothing new and writes no file."""
    zoo, folder = tmp_path / "zoo", tmp_path / "parts"
    other = replace(packed, origin=packed.recipe.replace(seed=9))
    for run in (packed, other):
        with Store(zoo) as store:
            store.add_run(run)
        main([str(zoo), str(folder)])
    main([str(zoo), str(folder)])

    assert [part.name for part in parts_in(folder)] == ["part-0001.parquet", "part-0002.parquet"]
    assert list(read_parts(folder)["run_id"]) == [packed.recipe.run_id, other.recipe.run_id]
    assert "hold all networks" in capsys.readouterr().out


def test_a_network_that_was_not_observed_waits(tmp_path: Path, packed: PackedRun) -> None:
    """For a part that is written after its observations."""
    zoo, folder = tmp_path / "zoo", tmp_path / "parts"
    other = replace(packed, origin=packed.recipe.replace(seed=9))
    with Store(zoo) as store:
        for run in (packed, other):
            store.add_run(run)
        store.add_observations(other.recipe.run_id, {"sizes": {"num_params": 5.0}})
    main([str(zoo), str(folder), "--observed", "sizes"])
    assert list(read_parts(folder)["run_id"]) == [other.recipe.run_id]
    main([str(zoo), str(folder)])
    assert list(read_parts(folder)["run_id"]) == [other.recipe.run_id, packed.recipe.run_id]


def test_a_part_gives_the_recipe_back_and_the_figures_of_the_record(tmp_path: Path, packed: PackedRun) -> None:
    """From the file alone; no weights are in it."""
    with Store(tmp_path / "zoo") as store:
        store.add_run(packed)
        store.add_observations(packed.recipe.run_id, {"sizes": {"num_params": 5.0}})
    main([str(tmp_path / "zoo"), str(tmp_path / "parts")])
    (row,) = pd.read_parquet(parts_in(tmp_path / "parts")[0]).to_dict("records")

    assert Recipe.from_changed(json.loads(row["recipe"])) == packed.recipe
    assert row["gap"] == packed.record.train_accuracy - packed.record.test_accuracy
    assert tuple(json.loads(row["losses"])) == packed.record.losses
    assert json.loads(row["provenance"]) == packed.provenance
    assert not [name for name in row if str(name).startswith(("measure.", "cost."))]
    assert row["observed.num_params"] == 5.0
    assert row["hp.learning_rate"] == packed.recipe.learning_rate
