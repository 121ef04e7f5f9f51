"""Record of a network that was trained elsewhere, and the origin of a run: such a record, or a recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from harness.errors import HarnessError
from zoo.recipe import Recipe

KEY: Final = "adopted"  # marks the record in the JSON of a run

Cell = str | float | int | bool | None


class NoRecipeError(HarnessError):
    """A network that was trained elsewhere has no recipe, which this command needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """Data of an adopted network.

    Attributes:
        where: name of a data set, or FILE.py:FUNCTION.
        folder: of data sets; None for bundled ones and files.
        mean, std: by channel, in grey levels of 255, by which images are normalised; None for those of the training
            images. A file gives inputs that are normalised.
        rows: START:STOP, those of the training examples that it was trained on; empty for all.
        halved: whether measures see one half of the test inputs without labels, the gap being measured on the other.
        examples: number of training examples that measures see, a fixed draw; None for all.
        arguments: of the function, by name.
        sha256: of the file's code; empty for a data set.
    """

    where: str
    folder: str | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    rows: str
    halved: bool
    examples: int | None
    arguments: dict[str, Cell]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedNetwork:
    """Record of a network that was trained elsewhere.

    Attributes:
        name: of its row in the table, unique; the run's id.
        model: FILE.py:FUNCTION, or LIBRARY:NAME.
        arguments: keyword arguments of the factory.
        hyperparameters: by name, as in the table.
        seed: replicate.
        twin: name of a network of the same recipe from another seed; empty for none.
        data: that it was trained and tested on.
        checkpoint: path of its weights.
        sha256: of the checkpoint.
        code_sha256: of the factory's file; empty for a library.
        learning_rates: of each epoch, for measures along training; empty where they are unknown.
        batch_size: of training; None where it is unknown.
    """

    name: str
    model: str
    arguments: dict[str, Cell]
    hyperparameters: dict[str, Cell]
    seed: int
    twin: str
    data: DataSource
    checkpoint: str
    sha256: str
    code_sha256: str
    learning_rates: tuple[float, ...] = ()
    batch_size: int | None = None

    @property
    def run_id(self) -> str:
        """Its name."""
        return self.name

    def changed(self) -> dict[str, Any]:
        """The record as JSON, marked as one of an adopted network."""
        return {KEY: msgspec.to_builtins(self)}


Origin = Recipe | AdoptedNetwork


def origin_of(changed: Mapping[str, Any]) -> Origin:
    """Read the origin of a run from its JSON.

    Raises:
        ValueError: it is neither a recipe nor the record of an adopted network.
    """
    if set(changed) == {KEY}:
        return msgspec.convert(changed[KEY], AdoptedNetwork)
    return Recipe.from_changed(changed)


def require_recipe(origin: Origin) -> Recipe:
    """Return the recipe of a run that gapbench trained.

    Raises:
        NoRecipeError: the network was trained elsewhere.
    """
    if isinstance(origin, AdoptedNetwork):
        raise NoRecipeError(f"{origin.name} was trained elsewhere and has no recipe, which is needed here.")
    return origin
