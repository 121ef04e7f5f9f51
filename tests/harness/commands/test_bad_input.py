"""Bad input: exit status 2, one sentence that says what to do, and nothing written."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from typer.testing import CliRunner, Result

from harness.cli import app

CLASH = """from measures import measure

@measure(source="nobody", family="norm")
def l2(subject):
    "Of the catalogue's own name."
    return 1.0
"""
PLUGINS = {
    "empty.py": ("x = 1", "must define at least one function under @measure"),
    "clash.py": (CLASH, "must not define measures of the catalogue; got l2"),
}


def invoked(*arguments: str | Path) -> Result:
    """The program's answer."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def refused(tmp_path: Path, *arguments: str | Path) -> str:
    """The sentence on stderr, after checking that nothing was written."""
    result = invoked(*arguments)
    assert result.exit_code == 2, result.output
    assert not (tmp_path / "out").exists()
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["digit"], "No suite is called 'digit'. Did you mean: digits, dziugaite?"),
        (["smoke", "--measures", "sharpnes"], "No measure is called 'sharpnes'. Did you mean: m_sharpness, "),
        (["smoke", "--fleet", "0"], "--fleet must be auto or a number from 1; got '0'."),
        (["smoke", "--fleet", "many"], "--fleet must be auto or a number from 1; got 'many'."),
        (["smoke", "--limit", "0"], "--limit"),
        (["smoke", "--device", "tpu"], "'tpu' is not one of"),
        (["smoke", "--executor", "slurm"], "'slurm' is not one of"),
        (
            ["smoke", "--plugin", "nowhere.py"],
            "nowhere.py must be a Python file that defines a measure; there is none.",
        ),
        (["smoke", "--dataset", "digitz"], "digitz"),
        (["smoke", "--nonsense"], "No such option"),
    ],
)
def test_options_that_cannot_be(options: list[str], sentence: str, tmp_path: Path) -> None:
    """Unknown names get suggestions."""
    assert sentence in refused(tmp_path, "run", *options, "--out", tmp_path / "out")


@pytest.mark.parametrize("name", PLUGINS)
def test_plugins_that_cannot_be(name: str, tmp_path: Path) -> None:
    """A file without a measure, and one whose measure has the name of another."""
    text, sentence = PLUGINS[name]
    (tmp_path / name).write_text(text)
    assert sentence in refused(tmp_path, "run", "smoke", "--plugin", tmp_path / name, "--out", tmp_path / "out")


def parquet_of(path: Path, *, side: int = 8, labels: list[int] | None = None) -> None:
    """Digits in the hub's layout."""
    images = load_digits().images[:40]
    chosen = [int(label) for label in load_digits().target[:40]] if labels is None else labels
    encoded = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray((image * 15).astype(np.uint8)).resize((side, side)).save(buffer, "PNG")
        encoded.append(buffer.getvalue())
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"img.bytes": encoded, "label": chosen}).to_parquet(path)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("truncated", ["train.parquet"]),
        ("column", ["train.parquet", "label"]),
        ("sizes", ["8", "16"]),
        ("labels", ["label"]),
        ("class", ["class"]),
        ("missing", ["test.parquet"]),
    ],
)
def test_data_that_cannot_be_trained_on(fault: str, words: list[str], tmp_path: Path) -> None:
    """Said before any training, naming the file, the column or the class."""
    folder = tmp_path / "data" / "mine"
    parquet_of(folder / "train.parquet")
    parquet_of(folder / "test.parquet", side=16 if fault == "sizes" else 8)
    train = folder / "train.parquet"
    if fault == "truncated":
        train.write_bytes(train.read_bytes()[:500])
    elif fault == "column":
        pd.read_parquet(train).drop(columns="label").to_parquet(train)
    elif fault == "labels":
        parquet_of(train, labels=[-1] * 40)
    elif fault == "class":
        parquet_of(train, labels=[0, 2] * 20)
    elif fault == "missing":
        (folder / "test.parquet").unlink()
    options = ("--dataset", "mine", "--data-dir", tmp_path / "data", "--out", tmp_path / "out")
    sentence = refused(tmp_path, "run", "smoke", "--limit", "1", *options)

    assert all(word in sentence for word in words), sentence


def test_a_train_size_that_the_data_do_not_have(tmp_path: Path) -> None:
    """The smoke suite wants 128 images, and there are 40."""
    for half in ("train", "test"):
        parquet_of(tmp_path / "data" / "mine" / f"{half}.parquet")
    options = ("--dataset", "mine", "--data-dir", tmp_path / "data", "--out", tmp_path / "out")
    assert "128" in refused(tmp_path, "run", "smoke", *options)


@pytest.mark.parametrize("command", ["rank", "page", "export"])
def test_folders_without_a_zoo(command: str, tmp_path: Path) -> None:
    """They say how to make one."""
    more = ["-o", str(tmp_path / "out.csv")] if command == "export" else []
    sentence = refused(tmp_path, command, tmp_path, *more)
    assert "must be a zoo's directory; it holds no ledger. Make one: gapbench run" in sentence
    assert not (tmp_path / "ledger.sqlite").exists()


def test_ledgers_that_cannot_be_ranked(tmp_path: Path) -> None:
    """No such file, another format, no target."""
    (tmp_path / "note.txt").write_text("hp.a,gap\n")
    (tmp_path / "bare.csv").write_text("run_id,hp.a,measure.m\na,1,2\n")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    nowhere = refused(tmp_path, "rank", tmp_path / "none")
    assert "none must be a zoo's directory or a ledger's file; there is neither. Make a zoo: gapbench run" in nowhere
    assert "has no rows" in refused(tmp_path, "rank", tmp_path / "note.txt")
    assert "gap" in refused(tmp_path, "rank", tmp_path / "bare.csv")
    assert "cut.parquet" in refused(tmp_path, "rank", tmp_path / "cut.parquet")


def test_the_published_ledger_is_ranked_on_the_command_line(data_dir: Path) -> None:
    """One JSON object; the official score of VPM_1 to 1e-9."""
    result = invoked("rank", data_dir / "pgdl" / "task1.csv", "--json")
    report = json.loads(result.stdout)

    assert result.exit_code == 0
    assert (report["models"], report["target"]) == (96, "gap")
    entry = report["measures"]["VPM_1"]
    assert entry["pgdl"] == pytest.approx(0.060700993773, abs=1e-9)
    assert set(entry) >= {
        "n", "tau_a", "tau_b", "spearman", "psi", "Psi", "cmi", "pgdl", "sign_error", "partial_spearman", "interval",
    }  # fmt: skip
    assert set(entry["sign_error"]) >= {"mean", "p90", "max", "environments"}
    assert set(entry["interval"]) >= {"tau_b", "Psi"}


@pytest.mark.parametrize("what", ["suites", "measures", "datasets", "corruptions"])
def test_lists_name_what_there_is(what: str) -> None:
    """As a table and as JSON."""
    found = json.loads(invoked("list", what, "--json").stdout)[what]
    table = invoked("list", what).stdout

    assert len(found) >= 1 + (what != "datasets")
    assert all(name in table for name in found)


@pytest.mark.parametrize("command", ["run", "train", "score", "rank", "page", "list", "export"])
def test_help_has_examples(command: str) -> None:
    """Every command shows how it is called."""
    assert "Example" in invoked(command, "--help").stdout


def test_cifar10_is_trained_scored_and_ranked(data_dir: Path, tmp_path: Path) -> None:
    """The smoke suite's recipes on the real images."""
    options = ("--dataset", "cifar10", "--data-dir", data_dir, "--limit", "2", "--measures", "l2,mean_margin")
    result = invoked("run", "smoke", *options, "--out", tmp_path / "zoo")

    assert result.exit_code == 0, result.output
    ledger = pd.read_parquet(tmp_path / "zoo" / "ledger.parquet")
    assert len(ledger) == 2
    assert (ledger["test_size"] == 5_000).all()  # the other half is what measures may see
    assert ledger["measure.l2"].notna().all()
