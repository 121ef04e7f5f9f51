"""The check zoo: 48 trained networks that ship with the project, and the catalogue's scores of them.

`make check-zoo` makes it from the suite `check`. Final weights are shipped; initial weights follow from the recipe's
seed and are held to their SHA-256; data are the digits in the box.
"""

import functools
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import Tensor

from harness.errors import HarnessError
from measures.training_history import Checkpoint, Trajectory
from zoo.recipe import Recipe
from zoo.seeds import seed_for
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.record import normalised
from zoo.training.train import data_of, network_of

WEIGHTS: Final = "weights.safetensors"  # final parameters and buffers, named RUN_ID/NAME
LEDGER: Final = "ledger.csv"
RUNS: Final = "runs.json"  # by run_id: recipe, losses, steps, and a few of the initial weights
FEW: Final = 16
DIGITS: Final = 6
PRECISION: Final = 1e-5  # processors draw the same weights, up to last bits of float32
MEASURES: Final = "measures.json"  # by name: the version that was scored, and the figures of its ranking


class InitialWeightsError(HarnessError):
    """Initial weights come out otherwise on this machine than on the one that trained the check zoo."""


@dataclass(frozen=True)
class CheckZoo:
    """The networks, and what the catalogue said of them.

    Attributes:
        runs: by run_id: the recipe's changed fields, losses, steps, and a few of the initial weights.
        weights: final parameters and buffers, named RUN_ID/NAME.
        ledger: one row a network: hyperparameters, gap, and a column for each measure of the catalogue.
        measures: by name, the version that was scored and its figures.
    """

    runs: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, Tensor]
    ledger: pd.DataFrame
    measures: Mapping[str, Mapping[str, Any]]

    def recipe(self, run_id: str) -> Recipe:
        """The recipe of a network."""
        return Recipe.from_changed(self.runs[run_id]["recipe"])

    def by_seed(self) -> list[str]:
        """Every run_id, those of the first seed first, each seed's shapes and corruptions in turn."""
        return sorted(self.runs, key=lambda run_id: (self.recipe(run_id).seed, hash_of(run_id.encode())))

    def state(self, run_id: str) -> dict[str, Tensor]:
        """Trained parameters and buffers."""
        prefix = f"{run_id}/"
        return {name.removeprefix(prefix): value for name, value in self.weights.items() if name.startswith(prefix)}

    def initial_state(self, run_id: str) -> dict[str, Tensor]:
        """Parameters and buffers before training.

        Raises:
            InitialWeightsError: they come out otherwise than where the zoo was trained.
        """
        recipe = self.recipe(run_id)
        state = {name: value.clone() for name, value in network_of(recipe, data_of(recipe)).state_dict().items()}
        if not np.allclose(few_weights(state), self.runs[run_id]["initial"], rtol=0, atol=PRECISION):
            raise InitialWeightsError(
                f"The initial weights of {run_id} must be those that the check zoo was trained from; this build of "
                "torch draws others. Make the check zoo anew: make check-zoo."
            )
        return state

    def twin(self, run_id: str) -> str:
        """The run_id of the same recipe with the next seed, in a circle."""
        recipe = self.recipe(run_id)
        seeds = sorted({self.recipe(other).seed for other in self.runs})
        following = seeds[(seeds.index(recipe.seed) + 1) % len(seeds)]
        return recipe.replace(seed=following).run_id

    def parts(self, run_id: str) -> dict[str, Any]:
        """The arguments of a network's `Subject`, by name: as `gapbench score` gives them, but for retraining."""
        recipe = self.recipe(run_id)
        data = data_of(recipe)
        model = network_of(recipe, data)
        load_state(model, self.state(run_id))
        twin = network_of(recipe, data)
        load_state(twin, self.state(self.twin(run_id)))
        initial = self.initial_state(run_id)
        names = [name for name, _ in model.named_parameters()]
        losses, steps = self.runs[run_id]["losses"], int(self.runs[run_id]["steps"])
        ends = [(0, 0, initial), (len(losses), steps, self.state(run_id))]
        return {
            "model": model,
            "inputs": normalised(data.train_images, data),
            "labels": data.train_labels.clone(),
            "init_state": initial,
            "twin": twin,
            "unlabeled": normalised(data.unlabeled_images, data),
            "trajectory": Trajectory(
                checkpoints=[
                    Checkpoint(
                        step=step,
                        epoch=epoch,
                        params={name: state[name] for name in names},
                        buffers={name: value for name, value in state.items() if name not in names},
                    )
                    for epoch, step, state in ends
                ],
                losses=losses,
                learning_rates=[recipe.learning_rate] * len(losses),
                steps_per_epoch=steps // len(losses),
                batch_size=recipe.batch_size,
            ),
            "seed": seed_for("scores"),
        }

    def without(self, names: Collection[str]) -> "CheckZoo":
        """The same networks, of which these measures have said nothing: what a merged file is checked against."""
        return replace(
            self,
            ledger=self.ledger.drop(columns=[f"measure.{name}" for name in names], errors="ignore"),
            measures={name: about for name, about in self.measures.items() if name not in names},
        )

    def fresh(self, versions: Mapping[str, int]) -> list[str]:
        """Measures whose stored scores are of the version that the catalogue has now; the others are stale."""
        return [name for name, about in self.measures.items() if versions.get(name) == about["version"]]


@functools.cache
def check_zoo() -> CheckZoo:
    """The zoo that ships with the project."""
    return read_zoo(Path(str(files("harness") / "check_zoo")))


def read_zoo(folder: Path) -> CheckZoo:
    """A check zoo from its four files."""
    return CheckZoo(
        runs=json.loads((folder / RUNS).read_text()),
        weights=safetensors.torch.load_file(folder / WEIGHTS),
        ledger=pd.read_csv(folder / LEDGER),
        measures=json.loads((folder / MEASURES).read_text()),
    )


def hash_of(content: bytes) -> str:
    """The SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def few_weights(state: Mapping[str, Tensor]) -> list[float]:
    """Evenly spaced numbers among all parameters and buffers, in float64: enough to tell one draw from another."""
    every = torch.cat([state[name].flatten().double() for name in sorted(state)])
    return [round(number, DIGITS) for number in every[torch.arange(FEW) * (len(every) - 1) // (FEW - 1)].tolist()]
