"""Hostile and broken submissions: each costs its own cell, with an outcome that says why, and nothing else."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sandbox.client import Sandbox
from harness.sandbox.submission import Parts, Submission
from tests.harness.sandbox.boxed import squares

HOSTILE = Path(__file__).parent / "hostile"
LIMIT = 0.5  # seconds, of those that never end

# the file, its outcome, and words that its reason must hold (one of them, where the two kinds differ)
ENDS = {
    "leaves": ("failed", "exit code 0"),
    "leaves_with_an_error": ("failed", "exit code 7"),
    "exits": ("failed", "SystemExit"),
    "hangs": ("timeout", "longer than 0.5 s"),
    "hangs_deaf": ("timeout", "was killed"),
    "sleeps_masked": ("timeout", "was killed"),
    "forks": ("failed", "PermissionError"),
    "forks_a_daemon": ("failed", "PermissionError"),
    "threads": ("failed", "can't start new thread"),
    "eats_memory_at_once": ("failed", "can't allocate memory"),
    "eats_memory_slowly": ("failed", "MemoryError"),
    "eats_memory_by_mapping": ("failed", "Cannot allocate memory"),
    "segfaults": ("failed", "SIGSEGV"),
    "recurses": ("failed", "RecursionError"),
    "raises_at_length": ("failed", "xxx"),
    "raises_unprintable": ("failed", "WordlessError"),
    "returns_nan": ("failed", "must return a finite number"),
    "returns_infinity": ("failed", "must return a finite number"),
    "lies_about_its_number": ("failed", "returned a malformed score"),
    "gives_layers_without_end": ("timeout", "was killed"),
    "returns_text": ("failed", "must return one number; it returned a str"),
    "reads_the_ledger": ("failed", "FileNotFoundError|PermissionError"),
    "appends_to_the_ledger": ("failed", "FileNotFoundError|PermissionError"),
    "truncates_the_ledger": ("failed", "FileNotFoundError|PermissionError"),
    "deletes_the_ledger": ("failed", "FileNotFoundError|PermissionError"),
    "renames_the_ledger": ("failed", "FileNotFoundError|PermissionError|OSError"),
    "locks_the_ledger": ("failed", "FileNotFoundError|PermissionError"),
    "lists_the_store": ("failed", "FileNotFoundError|PermissionError"),
    "reads_the_digits": ("failed", "PermissionError|sklearn.datasets.data"),
    "imports_the_store": ("failed", "ModuleNotFoundError|PermissionError"),
    "connects": ("failed", "PermissionError"),
    "sends_a_datagram": ("failed", "PermissionError"),
    "runs_a_program": ("failed", "PermissionError"),
    "kills_its_parent": ("failed", "PermissionError"),
    "kills_everybody": ("failed", "PermissionError"),
    "traces_its_parent": ("failed", "PermissionError|FileNotFoundError"),
    "attaches_to_its_parent": ("failed", "PermissionError"),
    "moves_its_parent": ("failed", "PermissionError"),
    "signals_by_a_file": ("failed", "PermissionError"),
    "clones_by_number": ("failed", "PermissionError"),
    "shares_memory": ("failed", "PermissionError"),
    "outlives_its_call": ("scored", ""),
    "traces_its_callers": ("failed", "nothing goes on after me"),
    "raises_its_limits": ("failed", "not allowed to raise maximum limit"),
    "patches_torch": ("scored", ""),
    "changes_weights": ("failed", "must leave the network and its data as they are; it changed parameter"),
    "hides_its_change": ("failed", "it changed parameter"),
    "changes_labels": ("failed", "it changed labels"),
    "changes_inputs": ("failed", "it changed inputs"),
    "trains_the_mode": ("failed", "it changed training mode"),
    "babbles": ("failed", "it sent a malformed answer"),
    "floods": ("failed", "it sent more than"),
    "nests": ("failed", "it sent a malformed answer"),
    "closes_its_pipe": ("failed", "exit code 1"),
    "asks_undeclared": ("failed", "UndeclaredNeedError"),
}


@pytest.fixture
def listener() -> Iterator[int]:
    """The port of a server on this machine, which nobody must reach."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        yield server.getsockname()[1]
        with pytest.raises(TimeoutError):
            server.accept()


def content_of(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below, with its hash and its rights."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mode) for path in [*files]}


def test_every_hostile_file_is_tried() -> None:
    """And there are enough of them."""
    assert {path.stem for path in HOSTILE.glob("*.py")} == set(ENDS)
    assert len(ENDS) >= 20


@pytest.mark.parametrize("name", ENDS)
def test_a_hostile_measure_costs_one_cell(
    name: str, sandbox: Sandbox, parts: Parts, honest: Submission, finished: Path, listener: int, tmp_path: Path
) -> None:
    """It ends with its outcome and reason; the store is byte for byte what it was, and the next measure is right."""
    before = content_of(finished)
    text = (HOSTILE / f"{name}.py").read_text()
    for word, value in (("@LEDGER@", finished / "ledger.sqlite"), ("@FOLDER@", finished), ("@PORT@", listener)):
        text = text.replace(word, str(value))
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    outcome, words = ENDS[name]

    submission = Submission.of_file(path)
    memory = 1 << 28 if "memory" in name or name == "threads" else 1 << 30
    reply = sandbox.score(
        submission, ["hostile"], parts, time_limit=LIMIT if outcome == "timeout" else 20, memory=memory
    )["hostile"]

    assert (reply.score.outcome, reply.score.value is None) == (outcome, outcome != "scored"), reply.score.why
    assert any(word in reply.score.why for word in words.split("|")), reply.score.why
    assert len(reply.score.why) < 25_000
    assert content_of(finished) == before
    after = sandbox.score(honest, ["honest"], parts)["honest"]
    assert after.score.value == pytest.approx(squares(parts.model), rel=1e-6)
    assert after.touched == ()
