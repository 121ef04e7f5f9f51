"""A zoo is finished by the same command, however often it was killed, and a damaged one is named and mended."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from harness.cli import app
from harness.store.store import Store
from harness.store.to_ledger import frame_of
from tests.benchmarks.faults import survive

RUN = ("run", "smoke", "--limit", "6", "--fleet", "2", "--measures", "l2,fro_dist,gde_disagreement", "--executor")
FILES = {"gapbench.lock", "ledger.sqlite", "runs", "ledger.parquet", "leaderboard.json", "leaderboard.html"}


def command(*arguments: str) -> subprocess.Popen[str]:
    """Start the program on one thread, in a separate process group."""
    return subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        start_new_session=True,
    )


def finished(*arguments: str, status: int = 0) -> str:
    """Run the command to its end in this process, which spares the imports; what it printed."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == status, result.output
    return result.output


def numbers(zoo: Path) -> pd.DataFrame:
    """The ledger without what differs from one run of the program to the next: seconds."""
    with Store(zoo) as store:
        frame = frame_of(store)
    return frame[[name for name in frame.columns if name != "seconds" and not name.startswith("cost.")]]


def written(zoo: Path) -> dict[str, int]:
    """When each weight file was written, in nanoseconds."""
    return {str(file.relative_to(zoo)): file.stat().st_mtime_ns for file in zoo.glob("runs/*/*.safetensors")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo that nothing ever happened to."""
    zoo = tmp_path_factory.mktemp("whole") / "zoo"
    finished(*RUN, "local", "--out", str(zoo))
    return zoo


@pytest.fixture
def zoo(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return shutil.copytree(whole, tmp_path / "zoo")


def until(there: Callable[[], object]) -> None:
    """Wait for what another process writes."""
    deadline = time.monotonic() + 120
    while not there():
        assert time.monotonic() < deadline, "nothing was written in two minutes"
        time.sleep(0.02)


def rows(zoo: Path) -> int:
    """How many runs the ledger holds, read beside the program that writes it; 0 where it has no table yet."""
    if not (zoo / "ledger.sqlite").is_file():
        return 0
    connection = sqlite3.connect(f"file:{zoo / 'ledger.sqlite'}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def test_a_run_leaves_its_files_and_a_second_does_nothing(zoo: Path) -> None:
    """Not one weight file is written again, and the ledger keeps its numbers."""
    before, ledger = written(zoo), numbers(zoo)

    assert {file.name for file in zoo.iterdir()} >= FILES
    assert len(before) == 12
    output = finished(*RUN, "local", "--out", str(zoo))
    assert "training" not in output
    assert "scoring" not in output
    assert written(zoo) == before
    pd.testing.assert_frame_equal(numbers(zoo), ledger)


@pytest.mark.parametrize("executor", ["local", "processes"])
def test_killed_while_training_it_goes_on_where_it_was(executor: str, whole: Path, tmp_path: Path) -> None:
    """SIGKILL after the first network; no finished one is trained again, and the zoo is that of an unbroken run."""
    zoo = tmp_path / "zoo"
    process = command(*RUN, executor, "--workers", "2", "--out", str(zoo))
    until(lambda: list(zoo.glob("runs/*/final.safetensors")))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with Store(zoo) as store:
        done = store.runs()
    before = written(zoo)
    finished(*RUN, executor, "--workers", "2", "--out", str(zoo))

    assert len(done) < 6
    assert all(written(zoo)[name] == at for name, at in before.items() if Path(name).parent.name in done)
    pd.testing.assert_frame_equal(numbers(zoo), numbers(whole), rtol=1e-4)


def test_ctrl_c_ends_with_a_word_on_how_to_go_on(tmp_path: Path) -> None:
    """Exit status 130, no traceback, also from the worker processes, and what was finished is kept."""
    zoo = tmp_path / "zoo"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # else a shell's background job
    process = command(*RUN, "processes", "--workers", "2", "--out", str(zoo))
    signal.signal(signal.SIGINT, before)
    until(lambda: rows(zoo))  # weights come before their row, and what has none is still in flight
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it, to the whole group
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 130, output
    assert "the same command continues from there" in output
    assert "Traceback" not in output
    with Store(zoo) as store:
        assert store.runs()


def test_sigterm_ends_the_driver_and_its_workers(tmp_path: Path) -> None:
    """Sent to the driver alone: exit status 143, what is finished is kept, and no child holds the output open."""
    zoo = tmp_path / "zoo"
    process = command(*RUN, "processes", "--workers", "2", "--out", str(zoo))
    until(lambda: rows(zoo))
    process.terminate()
    output, _ = process.communicate(timeout=60)  # ends when the last child has closed the pipe, too

    assert process.returncode == 143, output
    assert "Terminated. Finished work is kept; the same command continues from there." in output
    assert "Traceback" not in output
    with Store(zoo) as store:
        assert store.runs()


def test_killed_again_and_again_with_its_workers_it_ends_as_an_unbroken_run(whole: Path, tmp_path: Path) -> None:
    """SIGKILL to the driver or to one of its children, each time at another moment."""
    survived = survive(tmp_path / "zoo", kills=3, seed=0, arguments=RUN)

    pd.testing.assert_frame_equal(numbers(survived.zoo), numbers(whole), rtol=1e-4)
    assert survived.kills == 3


def test_a_moved_zoo_is_complete(zoo: Path) -> None:
    """The ledger names no directory: after a move nothing is trained or scored again."""
    moved = zoo.rename(zoo.with_name("moved"))

    output = finished(*RUN, "local", "--out", str(moved))
    assert "training" not in output
    assert "scoring" not in output


def test_a_damaged_weight_file_costs_its_run_alone(zoo: Path) -> None:
    """It is named, trained again to the same weights, and scored again."""
    ledger, before = numbers(zoo), written(zoo)
    victim = min(zoo.glob("runs/*/final.safetensors"))
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    output = finished(*RUN, "local", "--out", str(zoo))

    assert str(victim.relative_to(zoo)) in output
    assert "is not what was written" in output
    changed = {name for name, at in written(zoo).items() if at != before[name]}
    assert {Path(name).parent.name for name in changed} == {victim.parent.name}
    pd.testing.assert_frame_equal(numbers(zoo), ledger, rtol=1e-4)


@pytest.mark.parametrize("damage", ["cut", "foreign", "gone"])
def test_a_damaged_ledger_is_read_back_from_the_weights(damage: str, zoo: Path) -> None:
    """It is named and put aside; nothing is trained again, scores are computed again."""
    ledger, before = numbers(zoo), written(zoo)
    path = zoo / "ledger.sqlite"
    if damage == "cut":
        os.truncate(path, path.stat().st_size // 2)
    elif damage == "foreign":
        path.write_text("no database")
    else:
        path.unlink()
    output = finished(*RUN, "local", "--out", str(zoo))

    assert "ledger.sqlite" in output
    assert "read back from their weight files" in output
    assert "training" not in output
    assert written(zoo) == before
    assert len(list(zoo.glob("ledger.damaged-*.sqlite"))) == (damage != "gone")
    pd.testing.assert_frame_equal(numbers(zoo), ledger, rtol=1e-4)


@pytest.mark.parametrize(
    ("column", "text"), [("recipe", '{"seed": 99}'), ("record", '{"accuracy": 1}'), ("recipe", '{"model": "nonet"}')]
)
def test_a_damaged_row_costs_its_run_alone(column: str, text: str, zoo: Path) -> None:
    """A recipe that is another's, a record of another version: named, and trained again."""
    before = written(zoo)
    run_id = next(iter(before)).split("/")[1]
    with sqlite3.connect(zoo / "ledger.sqlite") as connection:
        connection.execute(f"UPDATE runs SET {column} = ? WHERE run_id = ?", (text, run_id))  # noqa: S608  our own words
    connection.close()
    output = finished(*RUN, "local", "--out", str(zoo))

    assert f"The row of run {run_id}" in output
    assert {Path(name).parent.name for name, at in written(zoo).items() if at != before[name]} == {run_id}
    assert len(numbers(zoo)) == 6


def test_weights_survive_the_store_bit_for_bit(zoo: Path) -> None:
    """What was written is what is read, and half-written files have other names."""
    with Store(zoo) as store:
        for run_id in store.runs():
            initial, final = (file.state() for file in store.weight_files(run_id))
            assert initial.keys() == final.keys()
            assert any(not torch.equal(initial[name], final[name]) for name in final)
    (zoo / "runs" / "half").mkdir()
    (zoo / "runs" / "half" / ".final.safetensors.123").write_bytes(b"half")
    assert len(numbers(zoo)) == 6


def test_scores_of_another_version_are_kept_and_not_shown(zoo: Path) -> None:
    """All stay in the store; the ledger shows those of the version that the zoo was scored with."""
    from measures import Score
    from measures.registry import catalog

    with Store(zoo) as store:
        run_id = next(iter(store.runs()))
        store.add_scores(run_id, {"l2": Score(-5.0, "scored", 0.1, 0), "fro_dist": Score(-7.0, "scored", 0.1, 9)})
        frame = frame_of(store).set_index("run_id")
        versions = {(name, score.version) for run, name, score in store.scores() if run == run_id}

    known = catalog()
    assert {("l2", 0), ("l2", known["l2"].version)} <= versions
    assert {("fro_dist", known["fro_dist"].version), ("fro_dist", 9)} <= versions
    assert frame["measure.l2"][run_id] > 0
    assert frame["measure.fro_dist"][run_id] > 0


def test_scores_do_not_depend_on_the_executor(whole: Path, tmp_path: Path) -> None:
    """The same weights, scored by worker processes."""
    zoo = shutil.copytree(whole, tmp_path / "zoo")
    with sqlite3.connect(zoo / "ledger.sqlite") as connection:
        connection.execute("DELETE FROM scores")
    connection.close()
    finished("score", *RUN[1:4], "--measures", RUN[7], "--executor", "processes", "--workers", "2", "--out", str(zoo))

    pd.testing.assert_frame_equal(numbers(zoo), numbers(whole), rtol=1e-5)


def test_two_seeds_are_each_others_twins(whole: Path) -> None:
    """Disagreement needs a second run of the recipe, and each of the six has one or says nothing."""
    frame = numbers(whole)
    pairs = frame.groupby([name for name in frame.columns if name.startswith("hp.")])["seed"].transform("count")
    assert (frame["measure.gde_disagreement"].notna() == (pairs == 2)).all()
    assert pairs.max() == 2
