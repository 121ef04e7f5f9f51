"""Tables of text as programs and people write them."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from leaderboard.errors import LedgerError
from leaderboard.ledger.column_names import Columns
from leaderboard.ledger.read import read_ledger

CSV = "hp.lr,hp.kind,gap,measure.a\n0.1,x,0.10,1.5\n0.1,y,0.12,1.7\n0.2,x,0.15,\n0.2,y,0.11,-2.5e-3\n"
COMMAS = CSV.replace(",", ";").replace("0.", "0,").replace("1.", "1,").replace("2.", "2,")
FORMS = {
    "plain.csv": CSV,
    "spaces.csv": CSV.replace(",", ", "),
    "semicolon.csv": CSV.replace(",", ";"),
    "decimal_comma.csv": COMMAS,
    "tab.tsv": CSV.replace(",", "\t"),
    "tab.txt": CSV.replace(",", "\t"),
    "UPPER.CSV": CSV,
    "plus.csv": CSV.replace("1.5", "+1.5"),
    "lines.csv": CSV.replace("\n", "\r\n"),
    **{f"{number}.csv": CSV.replace("0.15,\n", f"0.15,{word}\n") for number, word in enumerate(
        ("N/A", "n/a", "#N/A", "NULL", "null", "-", "\u2013", "NaN", "None")
    )},
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("packed", [False, True])
def test_forms_of_one_table_are_one_ledger(name: str, packed: bool, tmp_path: Path) -> None:
    """Separators, decimal marks, ends of lines, words for no number, upper case, and packed files."""
    content = FORMS[name].encode()
    path = tmp_path / (f"{name}.gz" if packed else name)
    path.write_bytes(gzip.compress(content) if packed else content)
    ledger = read_ledger(path)

    assert ledger["hp.lr"].tolist() == [0.1, 0.1, 0.2, 0.2]
    assert ledger["hp.kind"].tolist() == ["x", "y", "x", "y"]
    assert ledger["gap"].tolist() == [0.10, 0.12, 0.15, 0.11]
    assert np.array_equal(ledger["measure.a"], [1.5, 1.7, np.nan, -2.5e-3], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CSV.replace("1.5", '"1,013.01"'), r"got '1,013\.01' for row_0\. Remove thousands separators\."),
        (CSV.replace("1.5", "1 013"), r"got '1 013' for row_0\. Remove thousands separators\."),
        (COMMAS.replace("1,7", "1.7"), r"one decimal mark; got '0,1' and '1\.7'\. Replace the commas by points"),
        (CSV.replace("1.5", "?"), r"got '\?' for row_0\. Leave missing values empty\."),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """With what to change."""
    (tmp_path / "ledger.csv").write_text(text)
    with pytest.raises(LedgerError, match=message):
        read_ledger(tmp_path / "ledger.csv")


def test_whole_numbers_beyond_float64_are_no_score(tmp_path: Path) -> None:
    """As 1e400 is: infinite."""
    (tmp_path / "ledger.csv").write_text(CSV.replace("1.5", str(10**400)).replace("1.7", "1e400"))
    assert read_ledger(tmp_path / "ledger.csv")["measure.a"].tolist()[:2] == [np.inf, np.inf]


def test_accuracies_under_other_names(tmp_path: Path) -> None:
    """The gap follows from them."""
    (tmp_path / "ledger.csv").write_text("hp.lr,top1_train,top1,measure.a\n0.1,100,75,1\n0.2,100,50,2\n")
    columns = Columns(train_accuracy="top1_train", test_accuracy="top1")
    ledger = read_ledger(tmp_path / "ledger.csv", columns, percent=True)

    assert ledger["gap"].tolist() == [0.25, 0.5]
