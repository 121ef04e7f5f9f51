"""The commands on a finished zoo, and what each refuses before it writes anything."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from harness.cli import COMMANDS
from tests.harness.conftest import SMALL, Gapbench

HEADER = "from measures import measure\n"
PLUGINS = {
    "syntax": ("def broken(:\n", "must be Python; it has a SyntaxError in line 1"),
    "import": ("import no_such_module\n", "must run as Python; it stops with ModuleNotFoundError"),
    "family": (
        HEADER + "@measure(source='s', family='nrm')\ndef mine(subject):\n    '''Doc.'''\n    return 1.0\n",
        "family must be one of",
    ),
}


def refusal(gapbench: Gapbench, *arguments: object) -> str:
    """The one sentence on stderr of a command that exits with 2."""
    result = gapbench(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error:") == 1
    return " ".join(result.stderr.split())


def test_help_answers_without_torch() -> None:
    """The heavy libraries are imported where they are used."""
    code = (
        "import sys; from typer.testing import CliRunner; from harness.cli import app\n"
        "for words in (['--help'], ['run', '--help'], ['rank', '-h']):\n"
        "    assert CliRunner().invoke(app, words).exit_code == 0\n"
        "heavy = {'torch', 'pandas', 'timm', 'torchvision', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})


def test_without_a_command_the_program_says_where_to_start(gapbench: Gapbench) -> None:
    """`gapbench` alone is a question for help."""
    assert "gapbench run smoke" in gapbench().output


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0].__name__))
def test_every_command_shows_an_example_of_itself(command: tuple[Callable[..., int], str], gapbench: Gapbench) -> None:
    """Below its options; the name on the command line is the function's."""
    name = command[0].__name__.rstrip("_")
    shown = " ".join(gapbench(name, "--help").output.split())

    assert re.search(rf"Usage: \w+ {name} ", shown)
    assert f"gapbench {name}" in command[1]
    assert re.search(rf"Examples?: gapbench {name}", shown)


def test_the_same_command_again_scores_and_trains_nothing(zoo: Path, gapbench: Gapbench) -> None:
    """Weights keep their time of change and cells theirs."""
    before = {file: file.stat().st_mtime_ns for file in zoo.glob("runs/*/*")}
    result = gapbench("run", *SMALL, "--out", zoo)

    assert result.exit_code == 0, result.output
    assert "training: " not in result.output
    assert "scoring: " not in result.output
    assert {file: file.stat().st_mtime_ns for file in zoo.glob("runs/*/*")} == before
    assert len(before) == 8


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_exported_ledger_ranks_as_the_zoo_does(zoo: Path, gapbench: Gapbench, tmp_path: Path, suffix: str) -> None:
    """The same figures from the file and from the directory."""
    exported = tmp_path / f"ledger.{suffix}"
    assert gapbench("export", zoo, "-o", exported).exit_code == 0
    of_file, of_zoo = (json.loads(gapbench("rank", source, "--json").stdout) for source in (exported, zoo))

    assert of_file["measures"]["fro_dist"]["tau_b"] is not None
    assert of_file["measures"] == of_zoo["measures"]
    assert of_file["models"] == 4


def test_the_ledger_that_run_leaves_is_the_one_that_export_writes(
    zoo: Path, gapbench: Gapbench, tmp_path: Path
) -> None:
    """Both as Parquet."""
    gapbench("export", zoo, "-o", tmp_path / "ledger.parquet")

    left, exported = pd.read_parquet(zoo / "ledger.parquet"), pd.read_parquet(tmp_path / "ledger.parquet")
    pd.testing.assert_frame_equal(left, exported)


def test_the_page_is_written_again(zoo: Path, gapbench: Gapbench) -> None:
    """The same after it was deleted, and another one for another target."""
    page = zoo / "leaderboard.html"
    left = page.read_text()
    page.unlink()
    assert gapbench("page", zoo).exit_code == 0
    again = page.read_text()
    assert gapbench("page", zoo, "--target", "loss_gap").exit_code == 0

    assert again == left
    assert page.read_text() != left


def test_json_is_one_object_without_nan(zoo: Path, gapbench: Gapbench) -> None:
    """On stdout and in the file that `run` leaves."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    for text in (gapbench("rank", zoo, "--json").stdout, (zoo / "leaderboard.json").read_text()):
        assert json.loads(text, parse_constant=refuse)["models"] == 4


def test_a_damaged_ledger_is_named_and_put_aside_by_rank(zoo: Path, gapbench: Gapbench) -> None:
    """The runs are read back; their scores are gone, and rank says so."""
    (zoo / "ledger.sqlite").write_text("no database " * 100)
    sentence = refusal(gapbench, "rank", zoo)

    assert "read back from their weight files" in sentence
    assert "complexity measure" in sentence
    assert gapbench("rank", zoo).exit_code == 2
    result = gapbench("run", *SMALL, "--out", zoo)
    assert result.exit_code == 0
    assert "training: " not in result.output


@pytest.mark.parametrize("name", PLUGINS)
def test_plugins_that_do_not_run(name: str, gapbench: Gapbench, tmp_path: Path) -> None:
    """The file is named, with what stops it."""
    text, words = PLUGINS[name]
    (tmp_path / f"{name}.py").write_text(text)
    sentence = refusal(gapbench, "run", "smoke", "--plugin", tmp_path / f"{name}.py", "--out", tmp_path / "out")

    assert f"{name}.py" in sentence
    assert words in sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("command", ["run", "train", "score"])
def test_a_gpu_that_is_not_there(command: str, gapbench: Gapbench, tmp_path: Path) -> None:
    """It says what to write instead."""
    assert "Use --device cpu" in refusal(gapbench, command, "smoke", "--device", "cuda", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_ray_that_is_not_there(gapbench: Gapbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how to install it, before anything is written."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else found(name))
    words = refusal(gapbench, "run", "smoke", "--executor", "ray", "--out", tmp_path / "out")

    assert "pip install 'gapbench[ray]'" in words
    assert not (tmp_path / "out").exists()


def test_places_where_nothing_can_be_written(finished: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """A file in the zoo's place, an export of another format or to a folder that is not there."""
    (tmp_path / "file").write_text("mine")

    assert f"{tmp_path / 'file'} cannot be used" in refusal(gapbench, "run", *SMALL, "--out", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"
    assert "must end in .csv or .parquet; got ledger.txt" in refusal(
        gapbench, "export", finished, "-o", tmp_path / "ledger.txt"
    )
    assert "folder that exists" in refusal(gapbench, "export", finished, "-o", tmp_path / "no" / "ledger.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", ["rank", "page", "export", "score"])
def test_a_folder_that_does_not_exist_is_not_made(command: str, gapbench: Gapbench, tmp_path: Path) -> None:
    """Each of these reads a zoo."""
    nowhere = tmp_path / "nowhere"
    words = {"export": (nowhere, "-o", tmp_path / "x.csv"), "score": ("smoke", "--out", nowhere)}
    refusal(gapbench, command, *words.get(command, (nowhere,)))

    assert list(tmp_path.iterdir()) == []


def test_names_that_are_not_there_are_suggested(finished: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """Hyperparameter, data set, folder of data sets."""
    assert "Did you mean: width?" in refusal(gapbench, "rank", finished, "--within", "widht")
    options = ("--dataset", "digitts", "--out", tmp_path / "out")
    assert "Did you mean: digits" in refusal(gapbench, "run", "smoke", *options)
    assert "folder of data sets must exist" in refusal(gapbench, "list", "datasets", "--data-dir", tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
