"""Reading ledgers: what is completed, and every way in which a file can be refused."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leaderboard.errors import LedgerError
from leaderboard.ledger.column_names import Columns
from leaderboard.ledger.read import check_ledger, names_of, read_ledger
from leaderboard.ledger.targets import target_of

CSV = """run_id,hp.width,hp.norm,train_accuracy,test_accuracy,train_loss,test_loss,converged,measure.x,cost.x
a,8,None,1.0,0.75,0.01,0.9,True,3.5,0.1
b,16,,0.5,0.25,0.70,0.8,False,,
c,16,batch,1.0,0.9,0.01,0.2,true,NaN,0.3
"""


def written(tmp_path: Path, text: str) -> Path:
    """A CSV file with this text."""
    path = tmp_path / "ledger.csv"
    path.write_text(text)
    return path


def test_targets_follow_from_accuracies_and_losses(tmp_path: Path) -> None:
    """Gap is train minus test accuracy, loss gap test minus train loss, test error one minus test accuracy."""
    ledger = read_ledger(written(tmp_path, CSV))

    assert ledger["gap"].tolist() == pytest.approx([0.25, 0.25, 0.1])
    assert ledger["loss_gap"].tolist() == pytest.approx([0.89, 0.1, 0.19])
    assert ledger["test_error"].tolist() == pytest.approx([0.25, 0.75, 0.1])


def test_a_gap_that_is_there_is_kept() -> None:
    """The ledger's own number stands."""
    frame = pd.DataFrame({"hp.a": [1], "train_accuracy": [1.0], "test_accuracy": [0.5], "gap": [0.4], "measure.x": [1]})

    assert check_ledger(frame)["gap"].tolist() == [0.4]


def test_cells_are_read_by_the_kind_of_their_column(tmp_path: Path) -> None:
    """`None` is a text among hyperparameters and no number among measures; truth is read from words."""
    ledger = read_ledger(written(tmp_path, CSV))

    assert ledger["hp.norm"].tolist()[0] == "None"
    assert ledger["hp.norm"].isna().tolist() == [False, True, False]
    assert ledger["measure.x"].tolist()[0] == 3.5
    assert ledger["measure.x"].isna().tolist() == [False, True, True]
    assert ledger["converged"].tolist() == [True, False, True]
    assert names_of(ledger, "hp") == ["hp.width", "hp.norm"]
    assert names_of(ledger, "measure") == ["x"]


def test_parquet_and_csv_agree(tmp_path: Path) -> None:
    """One table, two formats."""
    ledger = read_ledger(written(tmp_path, CSV))
    ledger.to_parquet(tmp_path / "ledger.parquet")

    pd.testing.assert_frame_equal(read_ledger(tmp_path / "ledger.parquet"), ledger)


def test_networks_without_a_name_are_numbered() -> None:
    """Any table with hp.*, gap and measure.* can be ranked; the one given is left as it is."""
    frame = pd.DataFrame({"hp.a": [1, 2], "gap": [0.1, 0.2], "measure.x": [1, 2]})

    assert check_ledger(frame)["run_id"].tolist() == ["row_0", "row_1"]
    assert "run_id" not in frame


def test_an_infinite_target_is_none() -> None:
    """It cannot be ranked as a number that was measured."""
    frame = check_ledger(pd.DataFrame({"hp.a": [1, 2], "gap": [0.1, np.inf], "measure.x": [1, 2]}))

    assert target_of(frame, "gap").isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run_id,hp.a,measure.x\na,1,2\n", "column gap, or train_accuracy and test_accuracy"),
        ("run_id,hp.a,measure.x\na,1,2\n", "map it with --gap NAME"),
        ("run_id,gap,measure.x\na,1,2\n", "column hp.<name>.* map them with --hp NAMES"),
        ("run_id,hp.,gap,measure.x\na,1,2,3\n", "hyperparameter needs a name after 'hp.'"),
        ("run_id,hp.a,gap,measure.\na,1,2,3\n", "complexity measure needs a name after 'measure.'"),
        ("run_id,hp.a,gap\na,1,2\n", "column measure.<name>"),
        ("run_id,hp.a,gap,measure.x\n", "has no rows"),
        ("", "cannot be read"),
        ("run_id,hp.a,gap,measure.x\na,1,0.1,2\na,1,0.1,2\n", "'a' appears twice"),
        ("run_id,hp.a,gap,measure.x,measure.x\na,1,0.1,2,3\n", "'measure.x' appears twice"),
        ("run_id,hp.a,gap,measure.x\na,1,0.1,2\nb,1,0.1,high\n", "measure.x must contain numbers; got 'high' for b"),
        ("run_id,hp.a,gap,measure.x\na,1,big,2\n", "gap must contain numbers; got 'big' for a"),
        ("run_id,hp.a,gap,measure.x,converged\na,1,0.1,2,perhaps\n", "true or false; got 'perhaps' for a"),
        (
            "run_id,hp.a,gap,measure.x\na,1,0.1,2\nb,1,0.\n",
            "Row 3 of .* has 3 cells, the header has 4. Is the file truncated",
        ),
        ("run_id,hp.a,gap,measure.x\na,1,0.1,2,9\n", "Row 2 of .* has 5 cells"),
    ],
)
def test_a_table_that_is_no_ledger_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """The message says what is wrong and where."""
    with pytest.raises(LedgerError, match=message):
        read_ledger(written(tmp_path, text))


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    """Missing, of another format, cut off, or not text."""
    with pytest.raises(LedgerError, match="There is no ledger file"):
        read_ledger(tmp_path / "none.csv")
    (tmp_path / "ledger.xlsx").write_text(CSV)
    with pytest.raises(LedgerError, match=r"must be a Parquet file or a table \(\.csv, .*\); got ledger\.xlsx"):
        read_ledger(tmp_path / "ledger.xlsx")
    (tmp_path / "ledger.csv.gz").write_bytes(gzip.compress(CSV.encode())[:-20])
    with pytest.raises(LedgerError, match=r"cannot be read as gz"):
        read_ledger(tmp_path / "ledger.csv.gz")
    whole = tmp_path / "whole.parquet"
    pd.DataFrame({"hp.a": [1.0], "gap": [0.1], "measure.x": [1.0]}).to_parquet(whole)
    (tmp_path / "half.parquet").write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(LedgerError, match="cannot be read as parquet"):
        read_ledger(tmp_path / "half.parquet")
    (tmp_path / "latin.csv").write_bytes("run_id,hp.a,gap,measure.x\ncafé,1,2,3\n".encode("latin-1"))
    with pytest.raises(LedgerError, match=r"is not UTF-8 text \(byte 29\)"):
        read_ledger(tmp_path / "latin.csv")


def test_a_mark_of_the_byte_order_is_no_part_of_a_name(tmp_path: Path) -> None:
    """As spreadsheets put it before the first name."""
    path = tmp_path / "ledger.csv"
    path.write_bytes(
        CSV.removeprefix("run_id,")
        .replace("\na,", "\n")
        .replace("\nb,", "\n")
        .replace("\nc,", "\n")
        .encode("utf-8-sig")
    )

    assert names_of(read_ledger(path), "hp") == ["hp.width", "hp.norm"]


def test_cells_that_only_parquet_can_hold_are_refused(tmp_path: Path) -> None:
    """A list cannot be told equal to another, and a date is no number."""
    frame = pd.DataFrame({"hp.a": [1, 2], "gap": [0.1, 0.2], "measure.x": [1, 2]})
    path = tmp_path / "ledger.parquet"
    frame.assign(**{"hp.a": pd.Series([[1, 2], [3]])}).to_parquet(path)
    with pytest.raises(LedgerError, match=r"hp\.a must contain numbers or text; got array"):
        read_ledger(path)
    frame.assign(**{"measure.x": pd.to_datetime(["2026-01-01", "2026-01-02"])}).to_parquet(path)
    with pytest.raises(LedgerError, match=r"measure\.x must contain numbers; got .*2026-01-01.* for row_0"):
        read_ledger(path)


def test_an_unknown_or_absent_target_is_refused() -> None:
    """With the nearest name, or with the columns it needs."""
    ledger = check_ledger(pd.DataFrame({"hp.a": [1], "gap": [0.1], "measure.x": [1]}))
    with pytest.raises(LedgerError, match="Did you mean: loss_gap, gap"):
        target_of(ledger, "losgap")
    with pytest.raises(LedgerError, match="train_loss and test_loss, to be ranked by loss_gap"):
        target_of(ledger, "loss_gap")


def test_the_competitions_table_is_a_ledger(data_dir: Path) -> None:
    """96 networks, seven hyperparameters, four measures."""
    ledger = read_ledger(data_dir / "pgdl" / "task1.csv")

    assert len(ledger) == 96
    assert len(names_of(ledger, "hp")) == 7
    assert names_of(ledger, "measure") == ["VPM_1", "VPM_80", "VR", "WCV"]
    assert ledger["gap"].mean() == pytest.approx(0.2435, abs=5e-5)


FOREIGN = """name,lr,width,corruption,gen gap,norm_l2,norm_spec,hp.depth
a,0.1,8,none,0.25,3.5,NaN,2
b,0.2,16,none,0.50,,7.0,2
c,0.1,16,,0.75,1.5,8.0,3
"""


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_anybodys_columns_are_mapped(tmp_path: Path, suffix: str) -> None:
    """By name or by pattern, beside those that are named as a ledger's; a mapped measure's NaN is a missing score."""
    path = written(tmp_path, FOREIGN)
    if suffix == "parquet":
        pd.read_csv(path, keep_default_na=False, na_values={"norm_l2": [""], "norm_spec": ["NaN"]}).to_parquet(
            path := tmp_path / "ledger.parquet"
        )
    ledger = read_ledger(path, Columns(hp=("lr", "width", "corruption"), measure=("norm_*",), gap="gen gap"))

    assert names_of(ledger, "hp") == ["hp.lr", "hp.width", "hp.corruption", "hp.depth"]
    assert names_of(ledger, "measure") == ["norm_l2", "norm_spec"]
    assert ledger["gap"].tolist() == [0.25, 0.5, 0.75]
    assert ledger["measure.norm_spec"].isna().tolist() == [True, False, False]
    assert ledger["measure.norm_l2"].isna().tolist() == [False, True, False]
    assert ledger["name"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(hp=("widht",)), "No column is called 'widht'. Did you mean: width"),
        (Columns(measure=("zzz*",)), r"No column is called 'zzz\*'. Available: corruption"),
        (Columns(hp=("lr",), measure=("lr",)), "can be mapped once; 'lr' is mapped to hp.lr and to measure.lr"),
        (Columns(hp=("lr",), gap="norm_*"), "two columns are mapped to 'gap'"),
        (Columns(hp=("depth",)), "No column is called 'depth'. Did you mean: hp.depth"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(tmp_path: Path, columns: Columns, message: str) -> None:
    """With what to write instead."""
    with pytest.raises(LedgerError, match=message):
        read_ledger(written(tmp_path, FOREIGN), columns)


def test_two_measures_of_one_name_are_refused(tmp_path: Path) -> None:
    """A column that is mapped onto one that is there."""
    with pytest.raises(LedgerError, match=r"two columns are mapped to 'measure\.norm'"):
        read_ledger(written(tmp_path, "hp.a,gap,norm,measure.norm\n1,0.1,2,3\n"), Columns(measure=("norm",)))


@pytest.mark.parametrize(
    ("column", "value"), [("train_accuracy", 99.0), ("test_accuracy", -0.1), ("gap", 12.5), ("test_error", 1.1)]
)
def test_percent_is_refused(column: str, value: float) -> None:
    """With what to do; rounding is not, nor an infinite value, which is no target."""
    frame = pd.DataFrame({"hp.a": [1, 2], "gap": [0.1, 0.2], "measure.x": [1.0, 2.0], column: [0.5, value]})
    with pytest.raises(LedgerError, match=rf"{column} must be a share.* got {value:g} for row_1.*pass --percent"):
        check_ledger(frame)
    for near in (1 + 1e-9, np.inf):
        assert check_ledger(frame.assign(**{column: [0.5, near]}))[column][1] == near


def test_percent_is_read(tmp_path: Path) -> None:
    """Accuracies and gap divided by 100, losses not."""
    path = tmp_path / "ledger.csv"
    path.write_text("hp.a,train_accuracy,test_accuracy,train_loss,test_loss,measure.x\n1,99,90,2,3,7\n")
    ledger = read_ledger(path, percent=True)

    (row,) = ledger.to_dict("records")
    assert [row[name] for name in ("train_accuracy", "test_accuracy", "gap")] == pytest.approx([0.99, 0.9, 0.09])
    assert [row[name] for name in ("train_loss", "loss_gap", "measure.x")] == [2, 1, 7]


def test_levels_that_differ_by_rounding_are_one() -> None:
    """0.3 and 3 x 0.1; what differs by more, or is missing, infinite or no float, stays."""
    values = [0.1 * 3, 0.3, 0.3 + 1e-6, np.nan, np.inf, -0.3, -0.1 * 3, 0.0]
    frame = pd.DataFrame({"hp.a": values, "hp.b": list("aabbccdd"), "gap": 0.1, "measure.x": 1.0})
    found = check_ledger(frame)["hp.a"]

    assert found[0] == found[1] == 0.3
    assert found[5] == found[6]
    assert found.nunique(dropna=False) == 6
    np.testing.assert_allclose(found, values, rtol=1e-9)


@pytest.mark.parametrize("size", [0.0, -5.0, float("inf")])
def test_a_number_of_test_examples_that_cannot_be_is_refused(size: float) -> None:
    """It decides how precisely an accuracy is known; an empty one counts as that of CIFAR-10."""
    frame = pd.DataFrame({
        "run_id": ["a", "b"], "hp.width": [1, 2], "gap": [0.1, 0.2], "measure.m": [1.0, 2.0],
        "test_size": [size, 100.0],
    })  # fmt: skip
    with pytest.raises(LedgerError, match=r"test_size must be a number of test examples, from 1 on; got .* for a\."):
        check_ledger(frame)
    assert len(check_ledger(frame.assign(test_size=[np.nan, 100.0]))) == 2
