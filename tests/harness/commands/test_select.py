"""Selection figures on the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli import app
from tests.leaderboard.reports import zoo


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A zoo with planted measures as a file."""
    zoo().to_csv(tmp_path / "ledger.csv", index=False)
    return tmp_path / "ledger.csv"


def invoked(*arguments: str | Path) -> Result:
    """The program's answer."""
    return CliRunner().invoke(app, ["select", *map(str, arguments)], env={"COLUMNS": "80"})


def test_table_markdown_and_json_agree(ledger: Path) -> None:
    """The figures of a measure, in the three forms, with lines of at most 80 columns in the tables."""
    found = json.loads(invoked(ledger, "--json").stdout)
    useless = found["measures"]["useless"]
    table, markdown = invoked(ledger).stdout, invoked(ledger, "--markdown").stdout
    regret, (low, high) = useless["regret"]["value"], useless["regret"]["interval"]

    assert found["schema"] == 1
    assert f"| `useless ?` | {regret:.2f} | {low:.2f} to {high:.2f} |" in markdown
    assert f"{regret:.2f}  {low:.2f} to {high:.2f}" in table
    assert all(len(line) <= 80 for line in table[table.index("Without a measure") :].splitlines())
    assert "Picking the network with the smallest gap among 10 of one corruption, drawn from 36." in table


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "nowhere must be a zoo's directory or a ledger's file"),
        (["nowhere", "--json", "--markdown"], "must be printed in one form"),
        (["nowhere", "--pool", "3"], "--top must be less than --pool, or every pick is a hit; got 3 of 3."),
    ],
)
def test_refusals(arguments: list[str], sentence: str) -> None:
    """Exit status 2 and one sentence."""
    result = invoked(*arguments)

    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
