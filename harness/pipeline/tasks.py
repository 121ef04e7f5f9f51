"""Tasks of the workers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.held_out import HeldOut
from harness.pipeline.run_options import RunOptions
from harness.sandbox.plugins import Commission
from harness.store.weights import WeightFile
from zoo.recipe import Recipe

MIN_SPLIT: Final = 4  # networks: smaller groups stay whole, since a fleet gains more than a second worker


@dataclass(frozen=True, slots=True)
class TrainTask:
    """Train recipes of one shape.

    Attributes:
        recipes: what to train.
        options: of the command.
        held_out: suite, protocol and fingerprint of the secret; empty for a public zoo.
    """

    recipes: tuple[Recipe, ...]
    options: RunOptions
    held_out: HeldOut = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObserveTask:
    """Make the observations that one network lacks.

    Attributes:
        recipe: of the network.
        final: its weights after training.
        trajectory: its weights at the checkpoints; None where none were kept.
        names: of the observations.
        options: of the command.
    """

    recipe: Recipe
    final: WeightFile
    trajectory: WeightFile | None
    names: tuple[str, ...]
    options: RunOptions

    @property
    def run_id(self) -> str:
        """Run id of the recipe."""
        return self.recipe.run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTask:
    """Compute the measures that one network lacks.

    Attributes:
        recipe: of the network.
        initial, final: its weights before and after training.
        trajectory: its weights at the checkpoints; None where none were kept.
        losses: mean minibatch loss of each epoch of its training.
        steps: optimizer steps of its training.
        twin: final weights of the same recipe trained from another seed; None where there is none.
        names: measures of the catalogue to compute.
        options: of the command.
        commissions: measures of plug-ins, for the sandbox.
    """

    recipe: Recipe
    initial: WeightFile
    final: WeightFile
    trajectory: WeightFile | None
    losses: tuple[float, ...]
    steps: int
    twin: WeightFile | None
    names: tuple[str, ...]
    options: RunOptions
    commissions: tuple[Commission, ...] = ()

    @property
    def run_id(self) -> str:
        """Run id of the recipe."""
        return self.recipe.run_id


def split_groups(groups: Sequence[Sequence[Recipe]], workers: int) -> list[Sequence[Recipe]]:
    """Halve the largest groups of recipes until there is one for each worker; the largest come first.

    Recipes that build on another recipe stay together, since that one is trained once for the group.
    """
    whole = sorted(groups, key=len, reverse=True)
    while len(whole) < workers:
        largest = next(
            (group for group in whole if len(group) >= MIN_SPLIT and not any(map(_builds_on_another, group))), None
        )
        if largest is None:
            break
        middle = (len(largest) + 1) // 2
        whole.remove(largest)
        whole = sorted([*whole, largest[:middle], largest[middle:]], key=len, reverse=True)
    return whole


def _builds_on_another(recipe: Recipe) -> bool:
    return recipe.source is not None or recipe.teacher is not None or recipe.pretrain_copies > 0
