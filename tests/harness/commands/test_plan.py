"""Plans on the command line: suites, ledgers, and what cannot be planned."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli import app
from tests.leaderboard.reports import zoo
from zoo.suites.registry import suites


def invoked(*arguments: str | float | Path) -> Result:
    """The program's answer."""
    return CliRunner().invoke(app, ["plan", *map(str, arguments)], env={"COLUMNS": "200"})


def facts(*arguments: str | float) -> dict[str, float]:
    """Its answer as JSON."""
    result = invoked(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_a_suite_in_both_directions() -> None:
    """The networks that a difference needs settle it, and a hundred times as many a tenth of it."""
    now = facts("dziugaite")
    needed = facts("dziugaite", "--difference", now["settles"] / 10)["networks_needed"]
    back = facts("dziugaite", "--networks", needed)["difference"]

    assert now["networks"] == 108
    assert needed == pytest.approx(10_800, rel=1e-3)
    assert back == pytest.approx(now["settles"] / 10, rel=1e-3)


def test_sentences() -> None:
    """What a suite settles, what a difference needs, and by what the answer is."""
    said = invoked("dziugaite", "--difference", "0.05").output

    assert re.search(r"dziugaite: 108 networks settle a difference of 0\.\d+ in Psi\.", said)
    assert re.search(r"A difference of 0\.05 needs [\d,]+ networks\.", said)
    assert "By a model of two equally good measures" in said


def test_a_ledger_has_its_own_precision(tmp_path: Path) -> None:
    """Of the measures that are in it."""
    zoo().to_csv(tmp_path / "ledger.csv", index=False)
    said = invoked(tmp_path / "ledger.csv", "--networks", "96").output

    assert "36 networks settle a difference of" in said
    assert "96 networks settle a difference of" in said
    assert "the median standard error between two of its measures" in said


def test_the_list_of_suites_says_what_each_settles(monkeypatch: pytest.MonkeyPatch) -> None:
    """None where no two networks of one corruption differ in one choice."""
    some = {name: suites()[name] for name in ("jiang", "randomization")}
    monkeypatch.setattr("zoo.suites.registry.suites", lambda: some)
    result = CliRunner().invoke(app, ["list", "suites", "--json"])
    found = {name: row["settles"] for name, row in json.loads(result.stdout)["suites"].items()}

    assert found["jiang --size full"] < found["jiang --size small"] < 1
    assert found["randomization --size small"] is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["digit"], "No suite is called 'digit'. Did you mean: digits"),
        (["nowhere/ledger.csv"], "there is neither"),
        (["digits", "--size", "full"], "has no size 'full'"),
        (["digits", "--difference", "0"], "--difference must be above 0 and at most 2"),
        (["digits", "--difference", "0.1", "--networks", "9"], "Ask for one thing"),
        (["randomization"], "randomization settles no difference between two measures: No two networks differ"),
    ],
)
def test_what_cannot_be_planned(arguments: list[str], sentence: str) -> None:
    """Exit status 2 and one sentence."""
    result = invoked(*arguments)

    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.split())
