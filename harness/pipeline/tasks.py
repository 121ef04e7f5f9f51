"""What is handed to a worker: plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from harness.sandbox.plugins import Commission
from harness.store.weights import WeightFile
from zoo.recipe import Recipe
from zoo.training.engines.modes import Mode
from zoo.training.engines.precision import Precision

SHARED_FROM: Final = 4  # networks


@dataclass(frozen=True, slots=True)
class TrainTask:
    """Recipes of one shape, to be trained side by side.

    Attributes:
        recipes: the fields that differ from their defaults, one mapping a recipe.
        device: where to train.
        fleet: members side by side, or "auto".
        data_dir: folder of data sets.
        mode: the engine, or "auto".
        precision: of the matrix products of training.
        held_out: what is recorded of the secret of a held-out zoo; empty for a public one.
        suite: for which suite and size, as it is recorded; empty for none.
    """

    recipes: tuple[dict[str, Any], ...]
    device: str
    fleet: int | Literal["auto"]
    data_dir: Path | None
    mode: Mode | Literal["auto"] = "auto"
    precision: Precision = "float32"
    held_out: Mapping[str, Any] = field(default_factory=dict)
    suite: str = ""


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
        names: measures of the catalogue to compute.
        device: where to score.
        data_dir: folder of data sets.
        commissions: measures from outside, for the sandbox.
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
    device: str
    data_dir: Path | None
    commissions: tuple[Commission, ...] = ()


def shared_out(groups: Sequence[Sequence[Recipe]], workers: int) -> list[Sequence[Recipe]]:
    """Groups of recipes, the largest first, of which the largest are halved until there is one for each worker.

    What builds on the training of another recipe stays together, since that is trained once for its group, and so
    does a group of less than four: a fleet gains more than a second worker.
    """
    whole = sorted(groups, key=len, reverse=True)
    while len(whole) < workers:
        largest = next((group for group in whole if len(group) >= SHARED_FROM and not any(map(_builds, group))), None)
        if largest is None:
            break
        middle = (len(largest) + 1) // 2
        whole.remove(largest)
        whole = sorted([*whole, largest[:middle], largest[middle:]], key=len, reverse=True)
    return whole


def _builds(recipe: Recipe) -> bool:
    return recipe.source is not None or recipe.teacher is not None or recipe.pretrain_copies > 0
