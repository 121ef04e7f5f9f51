"""Observations by name: functions of a trained network and of all its data, test labels included."""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import zoo.observations
from zoo.corruptions import PreparedData
from zoo.errors import UnknownObservationError, suggestion
from zoo.recipe import Recipe
from zoo.training.record import EVALUATION_CHUNK, Snapshot, normalised

Observed = Mapping[str, "float | Sequence[int]"]
Observe = Callable[["Trained"], Observed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A trained network and all that is known of it.

    Attributes:
        recipe: what was trained.
        data: what it was trained and tested on.
        network: in eval mode, with its final weights; an observation may load others and need not put them back.
        snapshots: its checkpoints, where some were kept.
        data_of: the data of another recipe, for what is to be compared.
    """

    recipe: Recipe
    data: PreparedData
    network: nn.Module
    snapshots: Sequence[Snapshot]
    data_of: Callable[[Recipe], PreparedData]

    def predictions(self, images: Tensor) -> Tensor:
        """Predicted classes [n] of images [n, c, h, w] in grey levels."""
        reference = next(self.network.parameters())
        with torch.no_grad():
            chunks = normalised(images, self.data).to(reference).split(EVALUATION_CHUNK)
            return torch.cat([self.network(x).argmax(1).cpu() for x in chunks])


@dataclass(frozen=True, slots=True)
class Observation:
    """An observation, under the name of its function."""

    name: str
    observe: Observe

    def __call__(self, trained: Trained) -> Observed:
        """Numbers by name; a sequence of whole numbers, such as predictions on the test set, is kept as it is."""
        return self.observe(trained)


def observation(observe: Observe) -> Observation:
    """Make a function an observation under its own name."""
    return Observation(observe.__name__, observe)


@functools.cache
def observations() -> dict[str, Observation]:
    """Every observation of the modules beside this one, by name."""
    modules = [
        importlib.import_module(f"zoo.observations.{info.name}")
        for info in pkgutil.iter_modules(zoo.observations.__path__)
    ]
    items = [item for module in modules for item in vars(module).values() if isinstance(item, Observation)]
    return {item.name: item for item in items}


def require_observations(names: Sequence[str]) -> list[Observation]:
    """The observations of these names.

    Raises:
        UnknownObservationError: there is none of a name.
    """
    known = observations()
    for name in names:
        if name not in known:
            raise UnknownObservationError(f"No observation is called {name!r}. {suggestion(name, sorted(known))}")
    return [known[name] for name in names]
