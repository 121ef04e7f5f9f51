"""A zoo trained once, and the command line as a function."""

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn
from typer.testing import CliRunner, Result

from harness.cli import app
from harness.pipeline.plan import Plan
from harness.pipeline.run_options import RunOptions
from harness.sandbox.client import Sandbox
from harness.sandbox.confinement import bubblewrap
from harness.sandbox.submission import Parts, Submission
from harness.store.weights import PackedRun, pack
from measures.registry import catalog
from tests.harness.pipeline.planning import BASE
from tests.harness.sandbox.boxed import KINDS
from zoo.recipe import Recipe
from zoo.training.record import TrainedRun
from zoo.training.train import train

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


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two networks and two measures, in this process."""
    return Plan(
        options=RunOptions(suite="smoke", out=tmp_path / "zoo", device="cpu", fleet=1),
        recipes=(BASE, BASE.replace(width=2.0)),
        measures={name: catalog()[name] for name in ("param_norm", "gde_disagreement")},
    )


@pytest.fixture
def console() -> Console:
    """Keeps what is printed."""
    return Console(file=io.StringIO(), width=200)


@pytest.fixture(scope="module", params=KINDS)
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A sandbox of each kind."""
    if request.param == "bubblewrap" and bubblewrap() is None:
        pytest.skip("bubblewrap is not installed or does not work here")
    with Sandbox(request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def parts() -> Parts:
    """A linear network and sixteen examples."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    return Parts(model=network, inputs=torch.randn(16, 1, 8, 8), labels=torch.arange(16) % 10)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Submission:
    """A measure as it should be."""
    path = tmp_path_factory.mktemp("honest") / "honest.py"
    path.write_text(
        "from measures import Subject, measure\n\n\n"
        '@measure(source="Jiang et al. 2020, eq. 42", family="norm")\n'
        "def honest(subject: Subject) -> float:\n"
        '    """Squared Frobenius norm of all weights."""\n'
        "    return sum(float(p.square().sum()) for p in subject.params.values())\n"
    )
    return Submission.of_file(path)
