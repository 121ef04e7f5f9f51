"""The guide is followed as it is written: its files are saved and its commands run, in the order of the page."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "adding_a_measure.md"
ROOMS = ("harness", "leaderboard", "measures", "tests", "zoo", "pyproject.toml")
FILES = ("max_dist.py", "test_max_dist.py")


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the fenced blocks: the words after the opening fence, and the content."""
    return re.findall(r"^```(\w[\w ]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_guide_on_adding_a_measure_leads_to_the_leaderboard(tmp_path: Path) -> None:
    """In an empty folder, and at the end in a checkout beside it; every command ends well."""
    scripts = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }
    files = iter(FILES)
    printed = ""
    for kind, content in blocks(GUIDE.read_text(encoding="utf-8")):
        if kind == "python":
            (tmp_path / next(files)).write_text(content, encoding="utf-8")
            continue
        folder = tmp_path
        if kind == "sh checkout":
            folder = tmp_path / "checkout"
            for room in ROOMS:
                source = ROOT / room
                if source.is_dir():
                    shutil.copytree(source, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(source, folder)
        for command in content.splitlines():
            waiting = command.replace("gapbench check", "gapbench check --time-limit 400")  # for a machine that is busy
            ended = subprocess.run(
                ["bash", "-c", waiting], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
            printed += ended.stdout

    assert next(files, None) is None
    assert "max_dist of max_dist.py: accepted" in printed
    assert printed.count("1 passed") == 2
    assert (tmp_path / "verdict.md").read_text().startswith("## `max_dist`: accepted")
    assert 'id="held-out"' in (tmp_path / "zoo" / "leaderboard.html").read_text(encoding="utf-8")
    assert "3 measures on 12 public and 12 held-out networks" in " ".join(printed.split())
