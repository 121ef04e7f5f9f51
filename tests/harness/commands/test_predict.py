"""Predictions on the command line: a ledger from another, the digits of the package, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from harness.checking.zoo import FOLDERS, LEDGER, PACKAGE
from harness.cli import app

DIGITS = PACKAGE / FOLDERS["digits"] / LEDGER


def invoked(*arguments: str | Path, columns: int = 200) -> Result:
    """The program's answer."""
    return CliRunner().invoke(app, ["predict", *map(str, arguments)], env={"COLUMNS": str(columns)})


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Eight networks of the check zoo with other names and without accuracies."""
    frame = pd.read_csv(DIGITS)
    frame = frame[frame["hp.corruption"] == "true_labels"].head(8)
    frame["run_id"] = [f"mine_{place}" for place in range(8)]
    frame.drop(columns=["gap", "train_accuracy", "test_accuracy", "test_loss"]).to_csv(tmp_path / "m.csv", index=False)
    return tmp_path / "m.csv"


def test_a_reference_predicts_networks_of_ones_own(mine: Path) -> None:
    """Networks like those of the reference get intervals; a table, Markdown and JSON say the same."""
    result = invoked(mine, "--reference", DIGITS, "--json")
    found = json.loads(result.stdout)
    first = found["networks"][0]
    table, markdown = (invoked(mine, "--reference", DIGITS, *more) for more in ((), ("--markdown",)))

    assert result.exit_code == 0
    assert found["schema"] == 1
    assert first["observed"] is None
    low, high = first["predicted"]["interval"]
    assert f"{low:.2f} to {high:.2f}" in table.stdout
    assert f"| `mine_0` | {first['predicted']['value']:.3f} |" in markdown.stdout
    assert "9 in 10 intervals contain the gap" in table.stdout


def test_a_narrow_terminal_keeps_the_end_of_a_name(mine: Path) -> None:
    """A line a network, at 80 columns."""
    frame = pd.read_csv(mine)
    frame["run_id"] = [f"a_name_that_is_far_too_long_for_a_terminal_{place}" for place in range(8)]
    frame.to_csv(mine, index=False)
    lines = invoked(mine, "--reference", DIGITS, columns=80).stdout.splitlines()

    assert sum(line.startswith("…") and "terminal_" in line for line in lines) == 8


def test_another_version_does_not_predict(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reason is in the JSON, and to ask for it is refused."""
    from harness.reports import prediction

    read = prediction._read
    monkeypatch.setattr(
        prediction,
        "_read",
        lambda path, *given, **options: prediction.Source(
            read(path, *given, **options).ledger, {"fro_dist": 99 if path == mine else 1}
        ),
    )
    found = json.loads(invoked(mine, "--reference", DIGITS, "--json").stdout)
    refused = invoked(mine, "--reference", DIGITS, "--measures", "fro_dist")

    assert "fro_dist" not in found["measures"]
    assert "by version 99 here" in found["why"]["fro_dist"]
    assert refused.exit_code == 2
    assert "fro_dist cannot predict" in refused.output


def test_status_is_negative_where_every_network_is_outside(mine: Path) -> None:
    """Nothing is predicted far from the reference."""
    frame = pd.read_csv(mine)
    scores = [str(column) for column in frame if str(column).startswith("measure.")]
    frame[scores] = frame[scores].where(frame[scores].isna(), np.float64(1e30))
    frame.to_csv(mine, index=False)
    result = invoked(mine, "--reference", DIGITS)

    assert result.exit_code == 1
    assert "No interval for 8 of 8" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere", "--reference", DIGITS], "nowhere must be a zoo's directory or a ledger's file"),
        ([DIGITS, "--reference", "digit"], "--reference must be one of cifar10, digits, a zoo's directory"),
        ([DIGITS, "--reference", DIGITS, "--json", "--markdown"], "must be printed in one form"),
        ([DIGITS, "--reference", DIGITS, "--measures", "fro_dst"], "Did you mean: fro_dist"),
    ],
)
def test_refusals(arguments: list[str | Path], sentence: str) -> None:
    """Exit status 2 and one sentence."""
    result = invoked(*arguments)

    assert result.exit_code == 2
    assert sentence in result.output
