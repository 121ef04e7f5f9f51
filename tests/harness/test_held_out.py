"""Held-out zoos: reproduced from the secret, known by its fingerprint, and mixed with no other."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.held_out import describe_secret
from harness.pipeline.plan import make_plan
from harness.pipeline.run_options import RunOptions
from harness.store import lock
from harness.store.store import Store
from harness.store.weights import pack
from tests.harness.conftest import Gapbench
from zoo.held_out import fingerprint, held_out
from zoo.recipe import Recipe
from zoo.suites.registry import suite
from zoo.training.record import TrainedRun

SECRET = b"no line that anybody would guess\n"
TWO = ("smoke", "--limit", "2", "--fleet", "1", "--measures", "fro_dist")


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds the secret."""
    file = tmp_path_factory.mktemp("secret") / "secret"
    file.write_bytes(SECRET)
    return file


@pytest.fixture(scope="module")
def made(gapbench: Gapbench, secret: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks of the smoke suite as the secret draws them; read it only."""
    folder = tmp_path_factory.mktemp("held_out") / "zoo"
    result = gapbench("run", *TWO, "--secret-seed", secret, "--out", folder)
    assert result.exit_code == 0, result.output
    return folder


def recipes_in(folder: Path) -> set[Recipe]:
    """What a zoo trained."""
    with Store(folder) as store:
        return {run.recipe for run in store.runs().values()}


def content_of(folder: Path) -> dict[str, bytes]:
    """Every file under a folder but the lock, the ledger's by its rows: opening one writes into its journal."""
    files = {
        str(file): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and "sqlite" not in file.name and file.name != lock.FILE
    }
    with Store(folder) as store:
        runs, scores = store.runs(), list(store.scores())
    return files | {"runs": repr(runs).encode(), "scores": repr(scores).encode()}


def test_the_zoo_is_what_the_secret_draws(made: Path) -> None:
    """The first of the whole suite's recipes, whose levels are placed among those of all."""
    assert recipes_in(made) == set(held_out(suite("smoke").recipes(), "smoke", SECRET)[:2])


def test_the_secret_is_nowhere_in_the_zoo_and_its_fingerprint_is(made: Path) -> None:
    """In what the page, the ranking and every network say of where they come from."""
    expected = {"suite": "smoke", "protocol": 1, "fingerprint": fingerprint(SECRET)}

    for content in [file.read_bytes() for file in made.rglob("*") if file.is_file()]:
        assert SECRET not in content
        assert SECRET.strip() not in content
        assert SECRET.hex().encode() not in content
    made_by: dict[str, Any] = json.loads((made / "leaderboard.json").read_text())["provenance"]
    assert made_by["held out"] == expected == describe_secret("smoke", SECRET)
    assert "held_out" not in made_by["machine 1"]
    assert fingerprint(SECRET) in (made / "leaderboard.html").read_text()
    with Store(made) as store:
        assert [run.provenance["held_out"] for run in store.runs().values()] == [expected] * 2


def test_the_same_secret_goes_on_where_it_was(made: Path, secret: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """From a copy of the file under another name, after the ledger was lost: nothing is trained again."""
    zoo = Path(shutil.copytree(made, tmp_path / "zoo"))
    for file in zoo.glob("ledger.sqlite*"):
        file.unlink()
    again = Path(shutil.copy(secret, tmp_path / "again"))
    result = gapbench("run", *TWO, "--secret-seed", again, "--out", zoo)

    assert result.exit_code == 0, result.output
    assert "training" not in result.output
    assert recipes_in(zoo) == recipes_in(made)


@pytest.mark.parametrize("command", ["run", "train", "score"])
def test_another_secret_or_none_is_refused(command: str, made: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """Each says whose networks the directory holds and what to do, and changes nothing."""
    other = tmp_path / "other"
    other.write_bytes(SECRET.upper())
    before = content_of(made)
    words = ("smoke", "--limit", "2") if command == "train" else TWO[:3]
    for more, asked in (((), "a public suite"), (("--secret-seed", other), fingerprint(SECRET.upper())[:16])):
        result = gapbench(command, *words, *more, "--out", made)
        sentence = " ".join(result.stderr.split())

        assert result.exit_code == 2
        assert f"must hold the networks of {'the held-out smoke with fingerprint ' * bool(more)}{asked}" in sentence
        assert fingerprint(SECRET)[:16] in sentence
        assert "Give its secret with --secret-seed" in sentence
    assert content_of(made) == before


def test_a_public_zoo_takes_no_held_out_networks(
    trained: TrainedRun, secret: Path, gapbench: Gapbench, tmp_path: Path
) -> None:
    """It stays as it was; what an earlier version wrote is public."""
    zoo = tmp_path / "zoo"
    with Store(zoo) as store:
        store.add_run(pack(trained, {"versions": {}}))
    before = content_of(zoo)
    result = gapbench("run", *TWO, "--secret-seed", secret, "--out", zoo)

    assert result.exit_code == 2
    assert "is of a public suite. Give another --out." in " ".join(result.stderr.split())
    assert content_of(zoo) == before


def test_secrets_that_cannot_be(gapbench: Gapbench, tmp_path: Path) -> None:
    """No file, a folder, too few bytes, one inside the zoo: a sentence, exit status 2, nothing written."""
    (tmp_path / "short").write_bytes(b"x" * 15)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_bytes(b"x" * 16)
    for file, words in (
        ("none", f"there is none at {tmp_path / 'none'}. Make one: head -c 32 /dev/urandom > FILE."),
        ("out", "must name a file"),
        ("short", "at least 16 bytes; "),
        ("out/secret", "must lie outside the zoo's directory"),
    ):
        result = gapbench("run", *TWO, "--secret-seed", tmp_path / file, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert words in " ".join(result.stderr.split())
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["out", "secret", "short"]


def test_without_a_folder_a_held_out_zoo_has_its_own(tmp_path: Path, monkeypatch: Any) -> None:
    """Not the public one's; and with a limit its networks are those of the whole suite."""
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(16))  # it moves the width of the first network, which alone has no other to move towards
    plan = make_plan(RunOptions(suite="smoke", secret_seed=secret, device="cpu", executor="local", limit=1))

    assert plan.folder == Path("runs/smoke-held-out")
    assert plan.held_out == describe_secret("smoke", bytes(16))
    assert plan.recipes == held_out(suite("smoke").recipes(), "smoke", bytes(16))[:1]
    assert plan.recipes[0].width > 1
