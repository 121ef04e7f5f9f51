"""Families of measures at the command line: gapbench rank --families and gapbench table --families."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli import app
from tests.leaderboard.reports import zoo


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A planted zoo as a file."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.csv"
    zoo().to_csv(path, index=False)
    return path


def run(*arguments: object) -> Result:
    """What a command prints."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_rank(ledger: Path) -> None:
    """As a table, as Markdown and as JSON with its schema."""
    few = ("--bootstrap", 5, "--families")
    table, text, numbers = (run("rank", ledger, *few, *form) for form in ((), ("--markdown",), ("--json",)))

    assert table.exit_code == text.exit_code == numbers.exit_code == 0
    assert "no family" in table.stdout
    assert text.stdout.startswith("| family |")
    assert (found := json.loads(numbers.stdout))["schema"] == 1
    assert [one["family"] for one in found["families"]] == ["no family"]


def test_table(ledger: Path, tmp_path: Path) -> None:
    """From a stored ranking, without ranking again."""
    stored = tmp_path / "ranking.json"
    stored.write_text(run("rank", ledger, "--bootstrap", 5, "--json").stdout)

    assert "no family" in run("table", stored, "--families").stdout
    assert run("table", stored, "--families", "--markdown").stdout.startswith("| family |")


def test_one_zoo(ledger: Path) -> None:
    """A held-out zoo beside it has no families: what to leave out."""
    answer = run("rank", ledger, "--families", "--beside", ledger)

    assert answer.exit_code == 2
    assert "leave out --beside or --families" in " ".join(answer.stderr.split())
