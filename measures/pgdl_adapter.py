"""Adapt the interface of the PGDL competition, `complexity(model, dataset) -> float`, to a measure."""

import copy
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from measures.api import CHUNK, Measure, Subject, seed_for
from measures.errors import MeasureDefinitionError

SOURCE: Final = "none: a submission in the form of the PGDL competition, Jiang et al. 2020, arXiv:2012.07976"


class Examples(Dataset[tuple[Tensor, Tensor]]):
    """The training data as the competition gave them: pairs of an image [c, h, w] and a label [].

    It is a torch Dataset, fit for a DataLoader; `batch` gives the competition's batches. The order follows the content
    of the examples, so that what is computed from the first batches does not depend on how they lay.
    """

    def __init__(self, subject: Subject) -> None:
        order = subject.sample(subject.num_examples)
        self.images, self.labels = subject.inputs[order], subject.labels[order]  # copies

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"An example must lie in 0 to {len(self) - 1}; got {index}.")
        return self.images[index], self.labels[index]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(zip(self.images, self.labels, strict=True))

    def batch(self, size: int = CHUNK) -> Iterator[tuple[Tensor, Tensor]]:
        """Images [b, c, h, w] and labels [b], in chunks."""
        return iter(zip(self.images.split(size), self.labels.split(size), strict=True))


def adapt(module: ModuleType, path: Path) -> Measure | None:
    """The measure of a module that defines `complexity(model, dataset)`; None if it defines none.

    Its name is the file's, its docstring the function's or the module's. SOURCE, FAMILY, EXPECTED_SIGN, COST and
    VERSION of the module are its metadata; without them it counts as a norm, version 1, that should grow with the gap,
    as the competition asked.

    Raises:
        MeasureDefinitionError: a function of other arguments, or a file's name that is no name of a measure.
    """
    complexity = getattr(module, "complexity", None)
    if not inspect.isfunction(complexity) or complexity.__module__ != module.__name__:
        return None
    required = [p for p in inspect.signature(complexity).parameters.values() if p.default is p.empty]
    if len(required) != 2:  # noqa: PLR2004  the network and the data
        raise MeasureDefinitionError(
            f"complexity must take a network and a dataset, complexity(model, dataset); got {len(required)} arguments."
        )
    if not path.stem.isidentifier():
        raise MeasureDefinitionError(
            f"The file's name must be that of the measure, such as max_dist.py; got {path.name}."
        )
    compute = _wrap(complexity)
    compute.__name__ = path.stem
    compute.__module__ = module.__name__
    compute.__doc__ = complexity.__doc__ or module.__doc__
    return Measure(
        name=path.stem,
        compute=compute,
        source=getattr(module, "SOURCE", SOURCE),
        family=getattr(module, "FAMILY", "norm"),
        expected_sign=getattr(module, "EXPECTED_SIGN", 1),
        cost=getattr(module, "COST", ""),
        version=getattr(module, "VERSION", 1),
    )


def _wrap(complexity: Callable[[nn.Module, Examples], Any]) -> Callable[[Subject], float]:
    def compute(subject: Subject) -> float:
        model = copy.deepcopy(subject.model).requires_grad_()  # the competition's networks can be differentiated
        devices = [subject.device] if subject.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed_for(subject.seed, "complexity"))  # it knows no other generator
            return float(complexity(model, Examples(subject)))

    return compute
