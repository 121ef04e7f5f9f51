"""`gapbench table`, and README's table, which is held to the ranking that is kept beside it."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.reports.readme_table import keep, put, ranking_in
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.views.markdown import BEGIN, END, markdown

ROOT = Path(__file__).parents[3]
RUNNER = CliRunner()
HOLLOW = json.dumps({"models": 0, "target": "gap", "measures": {"good": {"Psi": 1.0}}})


@pytest.fixture(scope="module")
def report() -> Report:
    """The ranking of twelve networks."""
    ledger = pd.DataFrame(
        {
            "hp.width": [1, 2, 3, 4] * 3,
            "hp.lr": [1] * 4 + [2] * 4 + [3] * 4,
            "gap": [0.05 * place for place in range(12)],
            "measure.good": [float(place) for place in range(12)],
            "measure.bad": [float(-place) for place in range(12)],
        }
    )
    metadata = {name: {"expected_sign": 1} for name in ("good", "bad")}
    return replace(rank(ledger, bootstrap=20, metadata=metadata), provenance={"suite": "digits", "date": "2026-11-21"})


@pytest.fixture
def zoo(report: Report, tmp_path: Path) -> Path:
    """A directory that holds the ranking."""
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "leaderboard.json").write_text(json.dumps(report.to_json()))
    return tmp_path / "zoo"


def test_readme_shows_the_ranking_that_is_kept() -> None:
    """README's table is that of docs/leaderboard.json; if not, run what CONTRIBUTING.md says."""
    table = markdown(ranking_in(ROOT / "docs" / "leaderboard.json"))

    assert put(table, ROOT / "README.md", check=True)


def test_the_table_is_written_and_kept(zoo: Path, report: Report, tmp_path: Path) -> None:
    """Between the marks, from the directory or from what was kept, and --check tells another from it."""
    readme, kept = tmp_path / "README.md", tmp_path / "leaderboard.json"
    readme.write_text(f"# Title\n{BEGIN}\n{END}\nrest\n")
    words = ["--markdown", "-o", str(readme)]
    assert RUNNER.invoke(app, ["table", str(zoo), *words, "--check"]).exit_code == 1
    assert readme.read_text() == f"# Title\n{BEGIN}\n{END}\nrest\n"

    assert RUNNER.invoke(app, ["table", str(zoo), *words, "--keep", str(kept)]).exit_code == 0
    assert readme.read_text() == f"# Title\n{BEGIN}\n{markdown(report)}{END}\nrest\n"
    assert RUNNER.invoke(app, ["table", str(kept), *words, "--check"]).exit_code == 0
    assert RUNNER.invoke(app, ["table", str(kept), *words, "--check", "--rows", "1"]).exit_code == 1
    assert kept.read_text().count("\n") < 3 * len(report.measures)


def test_printed(zoo: Path, report: Report) -> None:
    """Without a file it is printed: the terminal's table, or Markdown."""
    printed = RUNNER.invoke(app, ["table", str(zoo), "--markdown", "--rows", "1"])
    assert printed.stdout == markdown(report, 1)
    assert "`good`" in printed.stdout
    assert "`bad`" not in printed.stdout
    terminal = RUNNER.invoke(app, ["table", str(zoo)])
    assert terminal.exit_code == 0
    assert "bad" in terminal.stdout
    assert "|--" not in terminal.stdout


def test_a_new_file_holds_the_table_alone(zoo: Path, report: Report, tmp_path: Path) -> None:
    """There are no marks to write between."""
    assert RUNNER.invoke(app, ["table", str(zoo), "--markdown", "-o", str(tmp_path / "new.md")]).exit_code == 0
    assert (tmp_path / "new.md").read_text() == markdown(report)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "not JSON", '{"measures": {}}', HOLLOW])
def test_what_is_no_ranking_is_refused(content: str | None, tmp_path: Path) -> None:
    """Exit status 2 and a sentence."""
    path = tmp_path / "leaderboard.json"
    if content is not None:
        path.write_text(content)
    answer = RUNNER.invoke(app, ["table", str(path)])

    assert answer.exit_code == 2
    assert "must be" in answer.stderr


def test_files_without_marks_and_without_markdown_are_refused(zoo: Path, tmp_path: Path) -> None:
    """The refusal says what is missing, and the file stays."""
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n")
    answer = RUNNER.invoke(app, ["table", str(zoo), "--markdown", "-o", str(readme)])
    assert answer.exit_code == 2
    assert "once each" in answer.stderr
    assert readme.read_text() == "# Title\n"
    answer = RUNNER.invoke(app, ["table", str(zoo), "-o", str(readme)])
    assert answer.exit_code == 2
    assert "add --markdown" in answer.stderr


def test_what_is_kept_is_read_again(zoo: Path, report: Report, tmp_path: Path) -> None:
    """The same table."""
    keep(report, tmp_path / "kept.json")

    assert markdown(ranking_in(tmp_path / "kept.json")) == markdown(report)
    shown, again = (RUNNER.invoke(app, ["table", str(path)]) for path in (zoo, tmp_path / "kept.json"))
    assert shown.exit_code == again.exit_code == 0
    assert shown.stdout == again.stdout


def test_what_was_kept_earlier_is_shown(report: Report, tmp_path: Path) -> None:
    """Of which hyperparameter the strata are was not kept then."""
    keep(report, path := tmp_path / "kept.json")
    kept = json.loads(path.read_text())
    del kept["within"]
    path.write_text(json.dumps(kept))

    shown = RUNNER.invoke(app, ["table", str(path)], env={"COLUMNS": "200"})
    assert "inside each stratum" in " ".join(shown.stdout.split())
