"""Rankings by every target on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli import app
from tests.leaderboard.reports import zoo


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A zoo with planted measures and errors under fog as a file."""
    frame = zoo()
    more = {f"measure.m{place}": frame["gap"] * place for place in range(3)}
    frame = frame.assign(**more, **{"test_error": frame["gap"] + 0.1, "error_under.fog.3": frame["gap"] / 2 + 0.1})
    frame.to_csv(tmp_path / "ledger.csv", index=False)
    return tmp_path / "ledger.csv"


def invoked(*arguments: str | Path) -> Result:
    """The program's answer."""
    return CliRunner().invoke(app, ["shifts", *map(str, arguments)], env={"COLUMNS": "80"})


def test_table_markdown_and_json_agree(ledger: Path) -> None:
    """A row for each target, in the three forms, with lines of at most 80 columns in the table."""
    found = json.loads(invoked(ledger, "--json").stdout)
    fog = found["targets"]["error_under.fog.3"]
    table, markdown = invoked(ledger).stdout, invoked(ledger, "--markdown").stdout

    assert (found["schema"], found["clean"], next(iter(found["targets"]))) == (1, "test_error", "test_error")
    assert (fog["networks"], fog["top"]["name"], fog["rho"]) == (36, "m1", pytest.approx(1))
    row = "| `error_under.fog.3` | 36 | `m1` | +1.00 | 1 | 1.00 |"
    assert row in markdown
    assert "error_under.fog.3" in table
    assert all(len(line) <= 80 for line in table.splitlines())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere must be a zoo's directory or a ledger's file"),
        (["nowhere", "--json", "--markdown"], "must be printed in one form"),
    ],
)
def test_refusals(arguments: list[str], sentence: str) -> None:
    """Exit status 2 and one sentence."""
    result = invoked(*arguments)

    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
