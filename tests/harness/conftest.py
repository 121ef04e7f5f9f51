"""A zoo trained once, and the command line as a function."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner, Result

from harness.cli import app
from harness.weights import PackedRun, pack
from zoo.recipe import Recipe
from zoo.record import TrainedRun
from zoo.training import train

Gapbench = Callable[..., Result]

MEASURES = "fro_dist,gde_disagreement,param_norm,sam_sharpness"
SMALL = ("smoke", "--limit", "4", "--fleet", "1", "--measures", MEASURES)  # seeds 0 and 1 of one of the recipes


@pytest.fixture(scope="session")
def gapbench() -> Gapbench:
    """The command line in this process."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture(scope="session")
def finished(gapbench: Gapbench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zoo of four networks as `gapbench run` leaves it; read it, and write into a `zoo` instead."""
    folder = tmp_path_factory.mktemp("finished") / "zoo"
    result = gapbench("run", *SMALL, "--out", folder)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def zoo(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished zoo, times of change included."""
    return Path(shutil.copytree(finished, tmp_path / "zoo"))


@pytest.fixture(scope="session")
def trained() -> TrainedRun:
    """One network after one epoch."""
    (run,) = train([Recipe(train_size=32, batch_size=16, max_epochs=1)], fleet=1)
    assert all(isinstance(value, torch.Tensor) for value in run.final.values())
    return run


@pytest.fixture
def packed(trained: TrainedRun) -> PackedRun:
    """The same as it travels."""
    return pack(trained, {"versions": {"torch": "2.13"}})
