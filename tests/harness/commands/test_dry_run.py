"""gapbench run --dry-run: memory of each shape, and nothing written."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harness.cli import app


def invoked(*arguments: str) -> Result:
    """The program's answer, without a folder of data sets."""
    env = {"COLUMNS": "80", "GAPBENCH_DATA": ""}
    return CliRunner().invoke(app, ["run", *arguments, "--dry-run"], env=env)


def test_a_dry_run_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It needs no data of a public set; the largest shape stands first."""
    monkeypatch.chdir(tmp_path)
    answer = invoked("min_norm", "--size", "full")
    lines = answer.stdout.splitlines()

    assert answer.exit_code == 0
    assert lines[1].split()[:5] == ["cifar10", "kernel_patches", "50", "2", "10,000"]
    assert lines[-1].startswith("270 networks of 6 shapes")
    assert all(len(line) <= 80 for line in lines[:-1])
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_built_is_refused() -> None:
    """A set that there is not, and a suite."""
    unknown = invoked("min_norm", "--dataset", "digitz")
    assert unknown.exit_code == 2
    assert "'digitz' is not bundled" in unknown.stderr
    assert "min_norm" in invoked("min_nrom").stderr
