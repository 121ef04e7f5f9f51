"""What is handed to a worker: plain values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.weights import WeightFile


@dataclass(frozen=True, slots=True)
class TrainTask:
    """Recipes of one shape, to be trained side by side.

    Attributes:
        recipes: the fields that differ from their defaults, one mapping a recipe.
        device: where to train.
        fleet: members side by side, or "auto".
        data_dir: folder of data sets.
    """

    recipes: tuple[dict[str, Any], ...]
    device: str
    fleet: int | Literal["auto"]
    data_dir: Path | None


@dataclass(frozen=True, slots=True)
class ObserveTask:
    """One network, and the observations that it still lacks.

    Attributes:
        run_id: of the network.
        recipe: its recipe's changed fields.
        final: its weights.
        trajectory: its weights at the checkpoints, where some were kept.
        names: what is to be observed.
        device: where to compute.
        data_dir: folder of data sets.
    """

    run_id: str
    recipe: dict[str, Any]
    final: WeightFile
    trajectory: WeightFile | None
    names: tuple[str, ...]
    device: str
    data_dir: Path | None


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """One network, and the measures that it still lacks.

    Attributes:
        run_id: of the network.
        recipe: its recipe's changed fields.
        initial, final: its weights.
        trajectory: its weights at the checkpoints, where some were kept.
        losses: mean minibatch loss of each epoch of its training.
        steps: optimizer steps of its training.
        twin: weights of the network of the same recipe from another seed, where there is one.
        names: measures to compute.
        plugin: file that defines some of them.
        device: where to score.
        data_dir: folder of data sets.
    """

    run_id: str
    recipe: dict[str, Any]
    initial: WeightFile
    final: WeightFile
    trajectory: WeightFile | None
    losses: tuple[float, ...]
    steps: int
    twin: WeightFile | None
    names: tuple[str, ...]
    plugin: Path | None
    device: str
    data_dir: Path | None
