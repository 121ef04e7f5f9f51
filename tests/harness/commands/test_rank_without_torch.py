"""`rank`, `page` and `table` import no torch, and say what they say with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.store.snapshot import FILE
from tests.harness.conftest import Gapbench

HEAVY = "{'torch', 'torchvision', 'timm', 'sklearn', 'safetensors'}"


def without_torch(*arguments: object) -> str:
    """What a command prints in a fresh interpreter, after checking which modules it imported."""
    code = (
        "import sys\nfrom harness.cli import app\n"
        f"try:\n    app({[str(argument) for argument in arguments]!r})\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"heavy = {HEAVY} & set(sys.modules)\nassert not heavy, heavy\n"
    )
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment
    ).stdout


def test_a_file_is_ranked(zoo: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """Signs and words are those of the catalogue."""
    ledger = tmp_path / "ledger.csv"
    assert gapbench("export", zoo, "-o", ledger).exit_code == 0
    report = json.loads(without_torch("rank", ledger, "--bootstrap", "20", "--json"))

    assert report == json.loads(gapbench("rank", ledger, "--bootstrap", "20", "--json").stdout)
    assert report["measures"]["fro_dist"]["family"] == "distance"


def test_a_zoo_is_ranked(zoo: Path, gapbench: Gapbench) -> None:
    """From its snapshot, to the ranking that its ledger gives."""
    fast = json.loads(without_torch("rank", zoo, "--bootstrap", "20", "--json"))
    (zoo / FILE).unlink()

    assert fast == json.loads(gapbench("rank", zoo, "--bootstrap", "20", "--json").stdout)


def test_a_page_is_written(zoo: Path) -> None:
    """The one that `run` left."""
    page = zoo / "leaderboard.html"
    left = page.read_text()
    page.unlink()
    without_torch("page", zoo)

    assert page.read_text() == left


@pytest.mark.parametrize("options", [(), ("--markdown",)])
def test_a_table_is_shown(zoo: Path, options: tuple[str, ...]) -> None:
    """In the terminal and as Markdown."""
    assert "fro_dist" in without_torch("table", zoo, *options)
