"""Contributions of layers to a score are stored on request and exported as a separate table."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from harness.store.store import Store
from harness.store.to_ledger import frame_of
from harness.store.weights import PackedRun
from measures import Score
from tests.harness.conftest import Gapbench

SCORED = ("score", "smoke", "--limit", "4")
PLUGIN = '''
from measures import Layered, measure

@measure(source="this test", family="norm")
def parts(subject):
    """Its code says which."""
    return Layered(3.0, {"a": 1.0, "b": 2.0})
'''


def cells(zoo: Path) -> Mapping[tuple[str, str], tuple[object, ...]]:
    """Every row of the scores, by network and measure."""
    connection = sqlite3.connect(zoo / "ledger.sqlite")
    rows = connection.execute("SELECT run_id, measure, value, outcome, why, created FROM scores").fetchall()
    connection.close()
    return {(run_id, name): rest for run_id, name, *rest in rows}


def aged(zoo: Path, change: str = "") -> None:
    """Make every score one of long ago, and change the ledger otherwise."""
    connection = sqlite3.connect(zoo / "ledger.sqlite")
    connection.execute("UPDATE scores SET created = 'before'")
    if change:
        connection.execute(change)
    connection.commit()
    connection.close()


def measured_again(zoo: Path) -> set[str]:
    """The measures of the scores that were computed since."""
    return {name for (_, name), (*_, created) in cells(zoo).items() if created != "before"}


def test_shares_of_layers_are_exported_and_add_up_to_the_score(zoo: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """One row a network, measure and layer; a measure that is no sum over layers has none."""
    options = ("--out", zoo, "--measures", "l1,train_error", "--layers")
    assert gapbench(*SCORED, *options).exit_code == 0
    assert gapbench("export", zoo, "--layers", "-o", tmp_path / "layers.csv").exit_code == 0
    assert gapbench("export", zoo, "-o", tmp_path / "ledger.csv").exit_code == 0
    layers, ledger = pd.read_csv(tmp_path / "layers.csv"), pd.read_csv(tmp_path / "ledger.csv").set_index("run_id")

    assert list(layers.columns) == ["run_id", "measure", "version", "layer", "value"]
    assert set(layers["measure"]) == {"l1"}
    assert layers.groupby("run_id")["layer"].nunique().min() >= 2
    totals = layers.groupby("run_id")["value"].sum()
    assert len(totals) == 4
    assert totals.to_dict() == pytest.approx(ledger["measure.l1"].to_dict(), rel=1e-12)


def test_scores_from_before_the_request_get_their_shares(zoo: Path, gapbench: Gapbench) -> None:
    """Of two measures that were scored without, that of layers is computed again, to the same number; then nothing."""
    options = ("--out", zoo, "--measures", "l1,train_error")
    assert gapbench(*SCORED, *options).exit_code == 0
    before = cells(zoo)
    for expected in ({"l1"}, set()):
        aged(zoo)
        assert gapbench(*SCORED, *options, "--layers").exit_code == 0
        assert measured_again(zoo) == expected
        assert {cell: row[:-1] for cell, row in cells(zoo).items()} == {c: row[:-1] for c, row in before.items()}
        with Store(zoo) as store:
            assert {(run_id, name) for run_id, name, *_ in store.layers()} == {c for c in before if c[1] == "l1"}


def test_an_earlier_ledger_that_does_not_say_is_asked_once(zoo: Path, gapbench: Gapbench) -> None:
    """Which of its scores layers gave to is not in it: what is asked for is computed again, and is known from then."""
    options = ("--out", zoo, "--measures", "param_norm,sam_sharpness", "--layers")
    for change, expected in (
        ("ALTER TABLE scores DROP COLUMN num_layers", {"param_norm", "sam_sharpness"}),
        ("", set()),
        ("DELETE FROM layers WHERE measure = 'param_norm'", {"param_norm"}),
    ):
        aged(zoo, change)
        assert gapbench(*SCORED, *options).exit_code == 0
        assert measured_again(zoo) == expected


def test_shares_of_an_edited_measure_are_those_of_its_present_code(
    zoo: Path, gapbench: Gapbench, tmp_path: Path
) -> None:
    """Scored again without the request, an edited plug-in keeps none of its older self."""
    plugin = tmp_path / "parts.py"
    plugin.write_text(PLUGIN)
    options = ("--limit", "1", "--out", zoo, "--measures", "parts", "--plugin", plugin)
    assert gapbench("score", "smoke", *options, "--layers").exit_code == 0
    with Store(zoo) as store:
        assert [row[3:] for row in store.layers()] == [("a", 1.0), ("b", 2.0)]
    plugin.write_text(PLUGIN.replace('3.0, {"a": 1.0, "b": 2.0}', '9.0, {"c": 4.0, "b": 5.0}'))
    for options_now, expected in ((options, []), ((*options, "--layers"), [("c", 4.0), ("b", 5.0)])):
        assert gapbench("score", "smoke", *options_now).exit_code == 0
        with Store(zoo) as store:
            assert [row[3:] for row in store.layers()] == expected


def test_without_shares_there_is_nothing_to_export(zoo: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """It is refused, and says where they come from; no empty file is written."""
    result = gapbench("export", zoo, "--layers", "-o", tmp_path / "layers.csv")

    assert result.exit_code == 2
    assert "holds no contributions of layers. gapbench score --layers stores them" in " ".join(result.stderr.split())
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
        lacking = store.without_layers()
        store.add_run(packed)
        afterwards = store.layers()

    assert kept == [(run_id, "l2", 1, "b", 2.0), (run_id, "l2", 1, "a", 1.0), (run_id, "l2", 2, "b", 5.0),
                    (run_id, "l2", 2, "a", 2.0)]  # fmt: skip
    assert lacking == {(run_id, "l1", 2, "")}
    assert afterwards == []


def test_a_score_outlives_a_vain_attempt_to_know_its_shares(tmp_path: Path, packed: PackedRun) -> None:
    """It stays, and still lacks them; a failure of other code, or of another version, is reported."""
    score = Score(3.0, "scored", 0.1, 1, layers={"a": 3.0})
    failed = Score(None, "timeout", 0.1, 1, "It ran longer than 300 s.")
    with Store(tmp_path) as store:
        run_id = store.add_run(packed)
        store.add_scores(run_id, {"l2": score, "l1": score})
        store.add_scores(run_id, {"l2": failed, "l1": Score(None, "failed", 0.1, 1, "x", source_hash="e")}, layers=True)

        assert [(name, cell.outcome) for _, name, cell in store.scores()] == [("l1", "failed"), ("l2", "scored")]
        assert store.without_layers() == {(run_id, "l2", 1, "")}


def test_precision_is_a_hyperparameter_where_networks_differ_in_it(tmp_path: Path, packed: PackedRun) -> None:
    """Of two networks that were trained in float32 and bf16; not of two of the same."""
    other = packed.recipe.replace(seed=9)
    with Store(tmp_path) as store:
        store.add_run(packed)
        store.add_run(replace(packed, origin=other))
        assert "hp.precision" not in frame_of(store)
        store.add_run(replace(packed, origin=other, record=replace(packed.record, precision="bf16")))
        assert sorted(frame_of(store)["hp.precision"]) == ["bf16", "float32"]


def test_a_shift_is_part_of_the_corruption(tmp_path: Path, packed: PackedRun) -> None:
    """So that networks trained under it are a separate stratum, and differ from others in one hyperparameter."""
    shifted = packed.recipe.replace(shift="fog", severity=3, shift_on="train")
    with Store(tmp_path) as store:
        store.add_run(packed)
        store.add_run(replace(packed, origin=shifted))
        frame = frame_of(store)

    assert set(frame["hp.corruption"]) == {"true_labels", "true_labels, fog 3 on train"}
    assert [name for name in frame.columns if name.startswith("hp.")] == ["hp.corruption"]
