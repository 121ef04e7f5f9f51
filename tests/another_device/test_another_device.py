"""Scores and training do not depend on the device, and mix no two: seen on one that pretends, since few have a GPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.another_device.pretended import COMPILER, built

pytestmark = pytest.mark.skipif(COMPILER is None, reason="g++ is not installed")


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pretended device, compiled once for all processes of a test run."""
    folder = tmp_path_factory.getbasetemp()
    return built(folder.parent if folder.name.startswith("popen-gw") else folder)


def complaints(library: Path, root: Path, trial: str, name: str = "") -> list[str]:
    """Complaints of a trial; it runs in a separate process, since torch does not forget a device."""
    said = subprocess.run(
        [sys.executable, "-m", "tests.another_device.trial", str(library), trial, name],
        cwd=root, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr[-3000:]
    found: list[str] = json.loads(said.stdout.splitlines()[-1])
    return found


def test_the_pretended_device_keeps_apart_what_a_gpu_does(library: Path, pytestconfig: pytest.Config) -> None:
    """Otherwise the other tests here say nothing."""
    assert complaints(library, pytestconfig.rootpath, "mixing") == []


@pytest.mark.parametrize("name", ["mlp", "conv_bn", "norm_free", "vit"])
def test_every_measure_scores_there_as_on_the_processor(name: str, library: Path, pytestconfig: pytest.Config) -> None:
    """Same outcome, and the same number up to rounding in float32."""
    assert complaints(library, pytestconfig.rootpath, "scoring", name) == []


@pytest.mark.parametrize("engine", ["loop", "fleet", "graph"])
def test_networks_train_there_as_on_the_processor(engine: str, library: Path, pytestconfig: pytest.Config) -> None:
    """Every family and every intervention."""
    assert complaints(library, pytestconfig.rootpath, "training", engine) == []


def test_nothing_asks_for_a_gpu_before_workers_are_forked() -> None:
    """A driver that was asked in the server of the workers answers none of its forks."""
    program = """
import torch
asked = []
for name in ("is_available", "device_count", "_lazy_init", "current_device", "mem_get_info"):
    setattr(torch.cuda, name, lambda *_, name=name: asked.append(name))
import harness.pipeline.preloaded
print(asked)
"""
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert said.stdout.splitlines()[-1] == "[]"
