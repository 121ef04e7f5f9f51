"""Studies: sets of recipes by size, measures and observations."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from zoo.recipe import Recipe

SizeName = Literal["small", "reference", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One size of a study.

    Attributes:
        recipes: what it trains, called when it is asked for.
        data: the data sets that it needs, in words.
        cores: what it took on two cores, training, scoring and claims, in words; "not measured" where nobody has.
        gpu: the same on a GPU.
    """

    recipes: Callable[[], Iterator[Recipe]]
    data: str
    cores: str = "not measured"
    gpu: str = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A suite as its module defines it, under the name STUDY.

    Attributes:
        sizes: "small" runs on two cores; "reference", where there is one, takes hours there; "full" is meant for a GPU.
        measures: names of the measures that it is about; None for all.
        observations: names of what is observed of every network, see zoo.observations.
        name: of a suite of the project; that of its module if None.
    """

    sizes: Mapping[SizeName, Size]
    measures: tuple[str, ...] | None = None
    observations: tuple[str, ...] = ()
    name: str | None = None
