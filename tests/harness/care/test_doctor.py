"""A doctor names each damage, repairs by what the next run computes, and deletes no file."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.store.store import Store

RUN = ("run", "smoke", "--limit", "4", "--measures", "l2,fro_dist", "--executor", "local", "--out")


def call(*arguments: str) -> tuple[int, str]:
    """Exit status and output of a command."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo without damage."""
    zoo = tmp_path_factory.mktemp("whole") / "zoo"
    assert call(*RUN, str(zoo))[0] == 0
    return zoo


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Path:
    """A changed weight file, a damaged and an unknown score, an orphan, rows of no run and a half-written file."""
    zoo = shutil.copytree(whole, tmp_path / "zoo")
    first, second, third, _ = sorted(path.name for path in (zoo / "runs").iterdir())
    (zoo / "runs" / first / "final.safetensors").write_bytes(b"no weights")
    (zoo / "runs" / second / ".initial.safetensors.123").write_bytes(b"half")
    with closing(sqlite3.connect(zoo / "ledger.sqlite")) as connection, connection:
        connection.execute("UPDATE scores SET value = NULL WHERE run_id = ? AND measure = 'l2'", (second,))
        connection.execute("UPDATE scores SET version = 99 WHERE run_id = ? AND measure = 'fro_dist'", (second,))
        connection.execute("DELETE FROM runs WHERE run_id = ?", (third,))
    return zoo


def test_an_intact_zoo_has_no_finding(whole: Path) -> None:
    """Exit status 0."""
    status, output = call("doctor", str(whole))
    assert (status, output) == (0, "4 networks, 0 findings, 0 repaired.\n")


def test_damage_is_named_and_left_alone_without_repair(damaged: Path) -> None:
    """Every kind is found, and nothing is changed."""
    before = sorted(damaged.rglob("*.safetensors*"))
    status, output = call("doctor", str(damaged))

    assert status == 1
    for part in ("SHA-256 differs", "The score l2 of run", "version 99", "its weights are whole", "was not finished"):
        assert part in output
    assert sorted(damaged.rglob("*.safetensors*")) == before
    assert call("doctor", str(damaged)) == (status, output)


def test_repair_and_the_next_run_complete_the_zoo(damaged: Path, whole: Path) -> None:
    """Damaged files are moved, the ledger is copied, and only the unknown version stays."""
    status, output = call("doctor", str(damaged), "--repair", "--json")
    facts = json.loads(output)

    assert status == 1
    assert [one["what"] for one in facts["findings"] if not one["repaired"]] == [
        "1 scores are of fro_dist, version 99, which this gapbench does not know."
    ]
    assert b"no weights" in [path.read_bytes() for path in damaged.glob("damaged/*/final.safetensors")]
    assert list(damaged.glob("ledger.before-repair-*.sqlite"))
    assert call(*RUN, str(damaged))[0] == 0
    with Store(damaged) as store, Store(whole) as reference:
        assert store.runs().keys() == reference.runs().keys()
        assert not store.repairs
