"""Check zoos: about 48 trained networks that ship with the project, and the catalogue's scores of them.

`make check-zoo` makes that of digits from the suite `check`; that of cifar10 is a sample of the reference zoo. Final
weights are shipped, of digits also checkpoints. Initial weights are drawn from the recipe's seed and compared with a
few that are stored. Images that are not bundled lie in a folder of data sets.
"""

import functools
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import Tensor

from harness.errors import HarnessError
from harness.pipeline.subject_inputs import TrainedNetwork, build_parts
from harness.sandbox.submission import Parts
from leaderboard.ledger.column_names import suggest
from zoo.recipe import Recipe
from zoo.training.record import Snapshot
from zoo.training.train import data_of, network_of

PACKAGE: Final = Path(str(files("harness")))
FOLDERS: Final = {"digits": "check_zoo", "cifar10": "check_zoo_cifar10"}  # of the package, by name of the zoo
WEIGHTS: Final = "weights.safetensors"  # parameters and buffers: RUN_ID/NAME, and RUN_ID@EPOCH@STEP/NAME at checkpoints
LEDGER: Final = "ledger.csv"
RUNS: Final = "runs.json"  # by run_id: recipe, losses, steps, and a few of the initial weights
FEW: Final = 16
DIGITS: Final = 6
PRECISION: Final = 1e-5  # processors draw the same weights, up to last bits of float32
MEASURES: Final = "measures.json"  # by name: the version that was scored, and the figures of its ranking


class UnknownCheckZooError(HarnessError):
    """No check zoo of this name comes with the installation; the message suggests similar names."""


class InitialWeightsError(HarnessError):
    """This build of torch draws other initial weights than the one that trained the check zoo."""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """One network: its recipe and training, and a few of its initial weights."""

    recipe: Recipe
    losses: tuple[float, ...]
    steps: int
    initial: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CatalogueFigures:
    """Version of a measure that was scored, and its figures on the check zoo."""

    version: int
    Psi: float | None
    tau_b: float | None


@dataclass(frozen=True)
class CheckZoo:
    """The networks with the catalogue's scores.

    Attributes:
        runs: by run_id.
        weights: parameters and buffers, final ones named RUN_ID/NAME, those at checkpoints RUN_ID@EPOCH@STEP/NAME.
        ledger: one row a network: hyperparameters, gap, and a column for each measure of the catalogue.
        measures: by name, the version that was scored and its figures.
        data_dir: folder of data sets, for images that are not bundled.
    """

    runs: Mapping[str, CheckRun]
    weights: Mapping[str, Tensor]
    ledger: pd.DataFrame
    measures: Mapping[str, CatalogueFigures]
    data_dir: Path | None = None

    def by_seed(self) -> list[str]:
        """Return every run_id, the first seed first; within a seed in a fixed pseudo-random order."""
        return sorted(self.runs, key=lambda run_id: (self.runs[run_id].recipe.seed, hash_of(run_id.encode())))

    def state(self, run_id: str) -> dict[str, Tensor]:
        """Return trained parameters and buffers."""
        return self._states[run_id]

    def snapshots(self, run_id: str) -> list[Snapshot]:
        """Return parameters and buffers at the checkpoints, oldest first."""
        places = (key.split("@") for key in self._states if key.startswith(f"{run_id}@"))
        found = [Snapshot(int(epoch), int(step), self._states[f"{run_id}@{epoch}@{step}"]) for _, epoch, step in places]
        return sorted(found, key=lambda snapshot: snapshot.epoch)

    @functools.cached_property
    def _states(self) -> dict[str, dict[str, Tensor]]:
        """Parameters and buffers by RUN_ID or RUN_ID@EPOCH@STEP."""
        states: dict[str, dict[str, Tensor]] = {}
        for key, value in self.weights.items():
            place, name = key.split("/", 1)
            states.setdefault(place, {})[name] = value
        return states

    def initial_state(self, run_id: str) -> dict[str, Tensor]:
        """Return parameters and buffers before training.

        Raises:
            InitialWeightsError: torch draws others here than where the zoo was trained.
        """
        recipe = self.runs[run_id].recipe
        state = {
            name: value.clone()
            for name, value in network_of(recipe, data_of(recipe, self.data_dir)).state_dict().items()
        }
        if not np.allclose(few_weights(state), self.runs[run_id].initial, rtol=0, atol=PRECISION):
            raise InitialWeightsError(
                f"This build of torch draws other initial weights of {run_id} than those of the check zoo. "
                "Make the check zoo again: make check-zoo."
            )
        return state

    def twin(self, run_id: str) -> str | None:
        """Return the run_id of the same recipe with the next seed, cyclically; None where there is no other seed."""
        recipe = self.runs[run_id].recipe
        seeds = sorted({run.recipe.seed for run in self.runs.values()})
        place = seeds.index(recipe.seed)
        others = (recipe.replace(seed=seed).run_id for seed in seeds[place + 1 :] + seeds[:place])
        return next((other for other in others if other in self.runs), None)

    def parts(self, run_id: str) -> Parts:
        """Build the arguments of a network's `Subject`, as `gapbench score` does."""
        run, twin = self.runs[run_id], self.twin(run_id)
        network = TrainedNetwork(
            recipe=run.recipe,
            initial=self.initial_state(run_id),
            final=self.state(run_id),
            twin=None if twin is None else self.state(twin),
            losses=run.losses,
            steps=run.steps,
            snapshots=self.snapshots(run_id),
        )
        return build_parts(network, data_of(run.recipe, self.data_dir))

    def require_data(self) -> None:
        """Load the images.

        Raises:
            DatasetError: they are not bundled and there is no folder of data sets that holds them.
        """
        data_of(next(iter(self.runs.values())).recipe, self.data_dir)

    def without(self, names: Collection[str]) -> "CheckZoo":
        """Return the same networks without the scores of these measures."""
        return replace(
            self,
            ledger=self.ledger.drop(columns=[f"measure.{name}" for name in names], errors="ignore"),
            measures={name: figures for name, figures in self.measures.items() if name not in names},
        )

    def fresh(self, versions: Mapping[str, int]) -> list[str]:
        """Return the measures whose stored scores are of the catalogue's version; the others are stale."""
        return [name for name, figures in self.measures.items() if versions.get(name) == figures.version]


def check_zoos() -> list[str]:
    """Return the names of the zoos that come with this installation."""
    return [zoo for zoo, folder in FOLDERS.items() if (PACKAGE / folder).is_dir()]


@functools.cache
def check_zoo(name: str = "digits") -> CheckZoo:
    """Load a zoo that ships with the project.

    Raises:
        UnknownCheckZooError: none of this name does.
    """
    if name not in (shipped := check_zoos()):
        raise UnknownCheckZooError(f"No check zoo is called {name!r}. {suggest(name, shipped)}")
    return read_zoo(PACKAGE / FOLDERS[name])


def read_zoo(folder: Path) -> CheckZoo:
    """Read a check zoo from its four files."""
    runs = json.loads((folder / RUNS).read_text())
    figures = json.loads((folder / MEASURES).read_text())
    return CheckZoo(
        runs={
            run_id: CheckRun(
                Recipe.from_changed(run["recipe"]), tuple(run["losses"]), run["steps"], tuple(run["initial"])
            )
            for run_id, run in runs.items()
        },
        weights=safetensors.torch.load_file(folder / WEIGHTS),
        ledger=pd.read_csv(folder / LEDGER),
        measures={name: CatalogueFigures(**values) for name, values in figures.items()},
    )


def hash_of(content: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def few_weights(state: Mapping[str, Tensor]) -> list[float]:
    """Return evenly spaced numbers among all parameters and buffers in float64: enough to tell draws apart."""
    every = torch.cat([state[name].flatten().double() for name in sorted(state)])
    return [round(number, DIGITS) for number in every[torch.arange(FEW) * (len(every) - 1) // (FEW - 1)].tolist()]
