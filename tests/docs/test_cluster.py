"""The page on several machines: its commands have these options, its scripts are shell, its manifest a job of Ray."""

import re
import subprocess
from pathlib import Path

import typer
import yaml

from harness.cli import app
from tests.docs.test_guides import blocks

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_its_commands_have_the_options_that_it_shows() -> None:
    """Every option after `gapbench COMMAND`, and those of the table."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # of a group
    options = {name: {o for p in command.params for o in p.opts} for name, command in commands.items()}
    shown = re.findall(r"gapbench (run|train|score|merge)\b([^`\n]*(?:\n\s+--[^`\n]*)*)", TEXT)
    assert {name for name, _ in shown} == {"run", "merge"}
    for name, rest in shown:
        assert set(re.findall(r"--[a-z][a-z-]+", rest)) <= options[name], rest
    table = re.findall(r"^\| `(--.*?)` \|", TEXT, re.MULTILINE)
    assert len(table) == 3
    for row in table:
        assert set(re.findall(r"--[a-z][a-z-]+", row)) <= options["run"]


def test_its_scripts_are_shell_and_its_manifest_is_a_job_of_ray() -> None:
    """`bash -n` reads each script; the manifest has an entry point, a head and workers."""
    kinds = {"sh": 0, "yaml": 0}
    for kind, content in blocks(TEXT):
        kinds[kind] += 1
        if kind == "sh":
            assert subprocess.run(["bash", "-n"], input=content, text=True, check=False).returncode == 0
            continue
        job = yaml.safe_load(content)
        assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
        assert job["spec"]["entrypoint"].startswith("gapbench run")
        assert {"headGroupSpec", "workerGroupSpecs"} == set(job["spec"]["rayClusterSpec"])
    assert kinds == {"sh": 3, "yaml": 1}
