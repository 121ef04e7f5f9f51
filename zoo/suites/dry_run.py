"""Estimate the memory that the networks of a suite take in training, without their data and without training them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from zoo.data.datasets import load
from zoo.models.build import build, num_params
from zoo.models.closed_form import unsolved
from zoo.recipe import Recipe, with_others
from zoo.recipe_fields import SOLVED
from zoo.training.portions import data_bytes, portions
from zoo.training.record import EVALUATION_CHUNK
from zoo.training.train import shape_of

STATES: Final = 6  # weights, gradient, at most two moments, and the states before and after training
KEPT: Final = 3  # of data: what the jobs hold, the stack that is trained on, and the set that it was drawn from
SOLVED_STATES: Final = 4  # kernel centres: in the network, at initialization, after solving, and where they are made
GRAMS: Final = 4  # kernel matrices, or the factors of features: the matrix, its sum with the ridge, and a factorization
FLOAT: Final = 4
DOUBLE: Final = 8


@dataclass(frozen=True, slots=True)
class ImageSize:
    """What the memory of a data set depends on.

    Attributes:
        train: number of training images.
        channels, side: of the images.
        classes: k.
    """

    train: int
    channels: int
    side: int
    classes: int


PUBLISHED: Final = {  # sizes of public sets, so that no file is needed
    "mnist": ImageSize(60_000, 1, 28, 10),
    "cifar10": ImageSize(50_000, 3, 32, 10),
    "svhn": ImageSize(73_257, 3, 32, 10),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Memory of the networks of one shape, trained one at a time.

    Attributes:
        shape: what they share.
        networks: their number.
        params: trainable parameters of each.
        network_bytes: parameters, buffers and optimizer, or the kernel and its solver.
        step_bytes: what a step keeps for its backward pass, and the gradients of it.
        data_bytes: of the data sets that are held at once.
    """

    shape: Recipe
    networks: int
    params: int
    network_bytes: int
    step_bytes: int
    data_bytes: int

    @property
    def total(self) -> int:
        """Bytes at once."""
        return self.network_bytes + self.step_bytes + self.data_bytes


def needs_of(recipes: Iterable[Recipe], data_dir: Path | None = None) -> list[Needs]:
    """Build a network of each shape and estimate what its networks need, those that need most first.

    Args:
        recipes: of a suite; those that they build on are included.
        data_dir: folder of data sets, for those that are neither bundled nor in `PUBLISHED`.

    Raises:
        RecipeError: a network that does not fit its images.
        UnknownDatasetError, DatasetError: see `zoo.data.datasets.load`.
    """
    groups: dict[Recipe, list[Recipe]] = {}
    for recipe in dict.fromkeys(with_others(recipes)):
        groups.setdefault(shape_of(recipe), []).append(recipe)
    found = [_needs(shape, members, _size_of(shape, data_dir)) for shape, members in groups.items()]
    return sorted(found, key=lambda needs: needs.total, reverse=True)


def _needs(shape: Recipe, members: Sequence[Recipe], images: ImageSize) -> Needs:
    pixels = images.channels * images.side**2
    examples = images.train if shape.train_size is None else shape.train_size
    held = max(
        sum(data_bytes(r, examples, pixels) for r in _distinct(part)) for part in portions(members, examples, pixels)
    )
    data = KEPT * held + images.train * pixels
    if shape.model in SOLVED:
        features, params = _features(shape, examples, images)
        matrix = GRAMS * DOUBLE * examples * (features if shape.model == "random_features" else examples)
        solver = SOLVED_STATES * DOUBLE * examples * features + matrix
        step = DOUBLE * EVALUATION_CHUNK * (examples + features)
        return Needs(
            shape=shape, networks=len(members), params=params, network_bytes=solver, step_bytes=step, data_bytes=data
        )
    size = (_architecture(shape), images.channels * (2 if shape.pairs else 1), images.side, images.classes)
    network, kept = _network(*size), _kept_by_backward(shape.batch_size, *size)
    return Needs(
        shape=shape,
        networks=len(members),
        params=num_params(network),
        network_bytes=STATES * FLOAT * sum(value.numel() for value in (*network.parameters(), *network.buffers())),
        step_bytes=2 * kept,
        data_bytes=data,
    )


def _distinct(members: Sequence[Recipe]) -> list[Recipe]:
    """One recipe for each distinct data set."""
    return list({recipe.data: recipe for recipe in members}.values())


def _features(shape: Recipe, examples: int, images: ImageSize) -> tuple[int, int]:
    """Number of features and of parameters of a solved network, from one of two examples of random pixels."""
    draw = torch.Generator().manual_seed(0)
    few = torch.randn(2, images.channels, images.side, images.side, generator=draw)
    network = unsolved(shape, few, images.classes)
    if shape.model == "theorem1":
        return examples, 2 * examples + few[0].numel()
    with torch.no_grad():
        maps = network[0][0] if shape.model.startswith("kernel_") else network[0]  # type: ignore[index]  # a Sequential
        features = maps(few.double()).shape[1]
    return features, images.classes * (features if shape.model == "random_features" else examples)


def _architecture(shape: Recipe) -> Recipe:
    """The part of a shape that decides its network."""
    names = ("model", "width", "depth", "stem", "batch_norm", "dropout", "rank")
    return Recipe(**{name: getattr(shape, name) for name in names})


@cache
def _network(architecture: Recipe, channels: int, side: int, classes: int) -> nn.Module:
    factors = architecture.rank < 1  # of weights that have values
    with torch.device("cpu" if factors else "meta"):
        return build(architecture, (channels, side, side), classes, seed=0).to("meta")


@cache
def _kept_by_backward(batch_size: int, architecture: Recipe, channels: int, side: int, classes: int) -> int:
    """Bytes that a step of one network keeps for its backward pass; on torch's meta device, which computes nothing."""
    network = _network(architecture, channels, side, classes)
    parameters = {p.untyped_storage()._cdata for p in network.parameters()}  # noqa: SLF001  tells storages apart
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(value: torch.Tensor) -> torch.Tensor:
        storage = value.untyped_storage()
        kept.setdefault(storage._cdata, storage)  # noqa: SLF001
        return value

    inputs = torch.empty(batch_size, channels, side, side, device="meta")
    labels = torch.empty(batch_size, dtype=torch.int64, device="meta")
    network.train()
    with saved_tensors_hooks(pack, lambda value: value):
        functional.cross_entropy(network(inputs), labels)
    return sum(storage.nbytes() for key, storage in kept.items() if key not in parameters)


def _size_of(shape: Recipe, data_dir: Path | None) -> ImageSize:
    """The images of a shape, shrunk as it says; of its classes alone."""
    images = _known(shape.dataset, data_dir)
    classes = max(shape.merged) + 1 if shape.merged else len(shape.classes) or images.classes
    return ImageSize(images.train, images.channels, shape.image_side or images.side, classes)


@lru_cache(maxsize=32)
def _known(name: str, data_dir: Path | None) -> ImageSize:
    if name in PUBLISHED:
        return PUBLISHED[name]
    found = load(name, data_dir)
    count, channels, height, _ = found.train_images.shape
    return ImageSize(count, channels, height, found.num_classes)
