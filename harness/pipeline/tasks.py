"""Tasks of the workers."""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Final, Generic, TypeVar, cast

from harness.errors import HarnessError
from harness.held_out import HeldOut
from harness.pipeline.run_options import RunOptions
from harness.sandbox.plugins import Commission
from harness.store.adopted import Origin, require_recipe
from harness.store.weights import PackedRun, WeightFile
from measures.errors import MeasuresError
from zoo.errors import ZooError
from zoo.recipe import Recipe

OF_USERS: Final = (HarnessError, MeasuresError, ZooError)
MIN_SPLIT: Final = 4  # networks: smaller groups stay whole, since a fleet gains more than a second worker

Task = TypeVar("Task")


@dataclass(frozen=True, slots=True)
class TaskFailure(Generic[Task]):
    """A task that failed, and why."""

    task: Task
    why: str


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
        origin: of the network, its recipe or the record of what was trained elsewhere.
        initial, final: its weights before and after training.
        trajectory: its weights at the checkpoints; None where none were kept.
        losses: mean minibatch loss of each epoch of its training.
        steps: optimizer steps of its training.
        twin: final weights of the same recipe trained from another seed; None where there is none.
        names: measures of the catalogue to compute.
        options: of the command.
        commissions: measures of plug-ins, for the sandbox.
    """

    origin: Origin
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
        """Run id of the network."""
        return self.origin.run_id

    @property
    def recipe(self) -> Recipe:
        """Its recipe.

        Raises:
            NoRecipeError: it was trained elsewhere.
        """
        return require_recipe(self.origin)


def remaining(task: Task, result: object) -> Task | None:
    """Return what remains of a task after a result: a fleet without the run that has arrived; None for nothing."""
    if isinstance(task, TrainTask) and isinstance(result, PackedRun):
        left = tuple(recipe for recipe in task.recipes if recipe != result.recipe)
        return cast("Task", replace(task, recipes=left)) if left else None
    return None if isinstance(task, ObserveTask | ScoreTask) else task


def sees_files(task: object) -> bool:
    """Return whether this machine sees the weight files of a task, or the task holds their content."""
    return all(file.content_sent is not None or file.path.is_file() for file in _files_of(task).values())


def for_another_machine(task: Task, *, with_files: bool) -> Task:
    """Return a task whose weight files have absolute paths, or hold their content, for a machine without the folder.

    Raises:
        CorruptRunError: a file whose content is asked for is damaged.
    """
    files = _files_of(task)
    if not files:
        return task
    away = {
        name: file.with_content() if with_files else replace(file, path=file.path.absolute())
        for name, file in files.items()
    }
    return cast("Task", replace(cast("Any", task), **away))


def _files_of(task: object) -> dict[str, WeightFile]:
    """Return the weight files among the fields of a task, by field."""
    if not is_dataclass(task):
        return {}
    values = {field.name: getattr(task, field.name) for field in fields(task)}
    return {name: value for name, value in values.items() if isinstance(value, WeightFile)}


def reason_of(error: BaseException) -> str:
    """Say why a task failed: the sentence of an error that a user can cause, the traceback of any other."""
    return str(error) if isinstance(error, OF_USERS) else traceback.format_exc()


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
