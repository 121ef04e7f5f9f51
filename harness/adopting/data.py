"""Data of adopted networks: a data set of any layout that gapbench reads, or what a function of the user's returns."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import torch
from torch import Tensor

from harness.adopting.errors import AdoptError
from harness.adopting.user_code import hash_of_code, is_user_code, load_function, where_it_stopped
from harness.store.adopted import DataSource
from measures.scores import join_batches
from zoo.data.datasets import load, pixel_statistics

RETURNS: Final = (
    "(train, test) or (train, test, unlabeled), where train and test are (inputs, labels) or a DataLoader, and "
    "unlabeled is a tensor of inputs"
)
KEPT: Final = 2  # data in memory at once: networks of one table mostly share theirs


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs [n, ...], images as bytes or what the network takes, and int64 labels [n]."""

    inputs: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedData:
    """Data of a network that was trained elsewhere. Its tensors may be shared: never write into them.

    Attributes:
        train: training examples.
        test: those on which the gap is measured.
        unlabeled: inputs that measures may see, none of them in `test`; None for none.
        num_classes: k.
        moments: mean [c] and standard deviation [c] that normalise images; None for inputs as they are.
    """

    train: Examples
    test: Examples
    unlabeled: Tensor | None
    num_classes: int
    moments: tuple[Tensor, Tensor] | None = None

    def as_seen(self, inputs: Tensor) -> Tensor:
        """Return inputs as the network takes them: images in float32 and normalised, others as they are."""
        if self.moments is None:
            return inputs
        mean, std = (value[:, None, None] for value in self.moments)
        return (inputs.float() - mean) / std


def load_data(source: DataSource) -> AdoptedData:
    """Load the data of a network; the last ones are kept in memory.

    Raises:
        AdoptError: they cannot be used; the message says what to change.
        ZooError: as `zoo.data.datasets.load`.
    """
    if source.sha256 != hash_of_code(source.where):
        raise AdoptError(
            f"{source.where} has changed since the networks were adopted, so its data may have. Adopt them again."
        )
    return _load(json.dumps(msgspec.to_builtins(source), sort_keys=True))


@functools.lru_cache(maxsize=KEPT)
def _load(source: str) -> AdoptedData:
    given = msgspec.json.decode(source, type=DataSource)
    if is_user_code(given.where):
        whole = _from_function(given)
    else:
        found = load(given.where, None if given.folder is None else Path(given.folder))
        whole = AdoptedData(
            train=Examples(found.train_images, found.train_labels),
            test=Examples(found.test_images, found.test_labels),
            unlabeled=None,
            num_classes=found.num_classes,
        )
    rows = _rows(given.rows, len(whole.train.labels))
    train, test, unlabeled = Examples(whole.train.inputs[rows], whole.train.labels[rows]), whole.test, whole.unlabeled
    if given.halved and unlabeled is None:
        unlabeled = test.inputs[1::2]
        test = Examples(test.inputs[::2], test.labels[::2])
    moments = None if is_user_code(given.where) else _moments(given, train.inputs)
    return AdoptedData(train=train, test=test, unlabeled=unlabeled, num_classes=whole.num_classes, moments=moments)


def _moments(source: DataSource, images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation by channel: those that were given, or those of the training images."""
    mean, std = pixel_statistics(images)
    given = {"--mean": source.mean, "--std": source.std}
    for name, values in given.items():
        if values is not None and len(values) not in (1, len(mean)):
            raise AdoptError(f"{name} must give a number for each of {len(mean)} channels; got {len(values)}.")
    of_mean, of_std = (
        computed if values is None else torch.tensor(values, dtype=torch.float32).expand(len(mean)).clone()
        for computed, values in zip((mean, std), given.values(), strict=True)
    )
    return of_mean, of_std


def _from_function(source: DataSource) -> AdoptedData:
    parts = _call(source)
    train, test = (_examples(part, source.where, half) for part, half in zip(parts[:2], ("train", "test"), strict=True))
    unlabeled = parts[2] if len(parts) == 3 else None  # noqa: PLR2004  as above
    if unlabeled is not None and (not isinstance(unlabeled, Tensor) or unlabeled.shape[1:] != train.inputs.shape[1:]):
        raise AdoptError(f"{source.where} must return {RETURNS}; its unlabeled inputs are no tensor of the same shape.")
    shapes = [list(half.inputs.shape[1:]) for half in (train, test)]
    if shapes[0] != shapes[1]:
        raise AdoptError(f"{source.where} must return inputs of one shape; got {shapes[0]} and {shapes[1]}.")
    classes = int(max(train.labels.max(), test.labels.max())) + 1
    return AdoptedData(train=train, test=test, unlabeled=unlabeled, num_classes=classes)


def _call(source: DataSource) -> Sequence[Any]:
    """What the function of a file returns: two or three parts, batches read to their end."""
    function = load_function(source.where)
    try:
        found = function(**source.arguments)
        parts = [part if isinstance(part, tuple | list | Tensor) else list(part) for part in found]
    except Exception as error:  # a function of the user's may raise anything
        file = str(Path(source.where.rpartition(":")[0]).resolve())
        raise AdoptError(f"{source.where} returns no data: {where_it_stopped(error, file)}.") from error
    if len(parts) not in (2, 3):
        raise AdoptError(f"{source.where} must return {RETURNS}; it returned {len(parts)} parts.")
    return parts


def _examples(part: Any, where: str, half: str) -> Examples:
    """Inputs and labels of one half: as a pair of tensors, or joined from the batches of a DataLoader."""
    if isinstance(part, tuple | list) and len(part) == 2 and all(isinstance(one, Tensor) for one in part):  # noqa: PLR2004  a pair
        inputs, labels = part
    elif isinstance(part, Sequence):
        inputs, labels = join_batches(part)
    else:
        raise AdoptError(f"{where} must return {RETURNS}; its {half} is a {type(part).__name__}.")
    if len(inputs) != len(labels) or len(labels) == 0 or labels.dim() != 1 or labels.is_floating_point():
        raise AdoptError(
            f"{where} must return a whole number as the label of each input; its {half} has inputs "
            f"{list(inputs.shape)} and labels {list(labels.shape)} of {labels.dtype}."
        )
    if inputs.dtype == torch.uint8:
        raise AdoptError(
            f"{where} must return inputs as the networks take them, normalised; its {half} holds bytes (uint8)."
        )
    return Examples(inputs, labels.long())


def _rows(text: str, count: int) -> slice:
    """The slice that START:STOP names."""
    if not text:
        return slice(None)
    start, _, stop = text.partition(":")
    try:
        rows = slice(int(start or 0), int(stop or count))
    except ValueError as error:
        raise AdoptError(f"--train-rows must be START:STOP, as :2000; got {text!r}.") from error
    if not 0 <= rows.start < rows.stop <= count:
        raise AdoptError(f"--train-rows must lie within the {count} training examples; got {text!r}.")
    return rows
