"""The guides are followed as they are written: their files are saved and their commands run, in their order."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ROOMS = ("harness", "leaderboard", "measures", "tests", "zoo", "pyproject.toml")


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the fenced blocks: the words after the opening fence, and the content."""
    return re.findall(r"^```(\w[\w ]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def follow(guide: Path, files: Sequence[str], folder: Path) -> str:
    """Follow a guide in an empty folder, and where it says so in a checkout beside it; return what is printed."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }
    names = iter(files)
    printed = ""
    for kind, content in blocks(guide.read_text(encoding="utf-8")):
        if kind == "python":
            (folder / next(names)).write_text(content, encoding="utf-8")
        elif kind.startswith("sh"):
            where = checkout(folder) if kind == "sh checkout" else folder
            for command in content.splitlines():
                waiting = command.replace("gapbench check", "gapbench check --time-limit 400")  # a busy machine
                ended = subprocess.run(
                    ["bash", "-c", waiting], cwd=where, env=environment, capture_output=True, text=True, check=False
                )
                assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
                printed += ended.stdout
    assert next(names, None) is None
    return printed


def checkout(folder: Path) -> Path:
    """Copy the project into a folder."""
    copy = folder / "checkout"
    for room in ROOMS:
        source = ROOT / room
        if source.is_dir():
            shutil.copytree(source, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    return copy


def test_the_guide_on_adding_a_measure_leads_to_the_leaderboard(tmp_path: Path) -> None:
    """Every command ends well, the measure is accepted, ranked and compared on a held-out zoo."""
    printed = follow(DOCS / "adding_a_measure.md", ("max_dist.py", "test_max_dist.py"), tmp_path)

    assert "max_dist of max_dist.py: accepted" in printed
    assert printed.count("1 passed") == 2
    assert (tmp_path / "verdict.md").read_text().startswith("## `max_dist`: accepted")
    assert 'id="held-out"' in (tmp_path / "zoo" / "leaderboard.html").read_text(encoding="utf-8")
    assert "3 measures on 6 public and 6 held-out networks" in " ".join(printed.split())


def test_the_guide_on_adding_a_study_leads_to_the_verdict_of_a_claim(tmp_path: Path) -> None:
    """A timm model by name is trained, scored and ranked, and the claim of the file is judged."""
    printed = follow(DOCS / "adding_a_study.md", ("rates.py", "weights.py", "finetune.py"), tmp_path)

    assert "3 measures ranked" in printed
    (claim,) = json.loads((tmp_path / "zoo" / "claims.json").read_text())
    assert claim["name"] == "larger_rates_move_farther"
    assert claim["networks"] == 16
    tuned = pd.read_parquet(tmp_path / "finetuned" / "ledger.parquet")
    assert sorted(tuned["hp.frozen_layers"].fillna("")) == ["", "", *["conv_stem bn1 blocks.0"] * 2]
    assert tuned["measure.l2_dist"].notna().all()


def test_the_guide_on_networks_of_ones_own_leads_to_a_page(tmp_path: Path) -> None:
    """Sixteen networks are trained, adopted, scored and ranked."""
    printed = follow(DOCS / "your_own_networks.md", ("my_model.py", "my_data.py", "train.py"), tmp_path)

    assert "16 of 16 networks were adopted" in printed
    assert (tmp_path / "mine" / "leaderboard.html").is_file()
    ledger = pd.read_csv(tmp_path / "mine.csv")
    assert set(ledger["hp.width"]) == {8, 32}
    assert ledger["measure.fro_dist"].notna().all()
    assert "measure.gde_disagreement" not in ledger  # the table names no twins
