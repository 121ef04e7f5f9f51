"""The interface for authors of measures: `Subject`, `measure`, `shared` and `UnsupportedModelError`."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, SupportsFloat, TypeVar, get_args

import torch

from measures.errors import (
    MeasureDefinitionError,
    NonFiniteScoreError,
    NotANumberError,
    UndeclaredNeedError,
    UnsupportedModelError,
)
from measures.pass_cache import Usage
from measures.per_layer import Layered
from measures.subject import CHUNK, Need, Subject, seed_for

__all__ = [
    "CHUNK", "Family", "Measure", "Need", "Outcome", "Subject", "UndeclaredNeedError", "UnsupportedModelError",
    "measure", "seed_for", "shared",
]  # fmt: skip

Family = Literal[
    "control", "parameters", "output", "margin", "norm", "path", "distance", "pac_bayes", "sharpness", "hessian",
    "gradient", "stability", "disagreement", "representation", "heavy_tail", "tangent_kernel", "information",
    "compression", "topology",
]  # fmt: skip
Outcome = Literal["scored", "unsupported", "failed", "timeout"]

T = TypeVar("T")


def shared(compute: Callable[[Subject], T]) -> Callable[[Subject], T]:
    """Cache a pass over a network: it is computed once for all measures that use it.

    An UnsupportedModelError that it raises is cached and raised again, too.
    """
    name = f"{compute.__module__}.{compute.__qualname__}".removeprefix("measures.passes.")

    @functools.wraps(compute)
    def once(subject: Subject) -> T:
        def attempt() -> T | UnsupportedModelError:
            try:
                return compute(subject)
            except UnsupportedModelError as reason:
                return UnsupportedModelError(*reason.args)

        found = subject._cache.get(name, attempt)  # noqa: SLF001  one mechanism, one module
        if isinstance(found, UnsupportedModelError):
            raise UnsupportedModelError(*found.args)
        return found

    return once


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A complexity measure: a pure function of a `Subject` with its metadata.

    Attributes:
        name: the id in the catalogue, the function's name.
        compute: the function; returns a finite float.
        source: paper with section or equation.
        family: which of the families it belongs to.
        needs: what it uses beyond the network and its training data.
        expected_sign: +1 if larger should mean a larger gap, -1 if smaller should.
        cost: its cost beside shared passes, in passes over the data or products, such as "1 forward pass".
        version: raised whenever the number that it returns for some network changes.
        weights_only: it sees the network and no data; a single image of zeros stands for the shape of the inputs.
        slow: it takes hundreds of training steps, so that it is computed where it is asked for, as what retrains is.
    """

    name: str
    compute: Callable[[Subject], float]
    source: str
    family: Family
    needs: frozenset[Need] = frozenset()
    expected_sign: Literal[1, -1] = 1
    cost: str = ""
    version: int = 1
    weights_only: bool = False
    slow: bool = False

    def __post_init__(self) -> None:
        if self.family not in get_args(Family):
            raise MeasureDefinitionError(f"family must be one of {', '.join(get_args(Family))}; got {self.family!r}.")
        unknown = self.needs - set(get_args(Need))
        if unknown:
            raise MeasureDefinitionError(
                f"needs must be among {', '.join(get_args(Need))}; got {', '.join(sorted(unknown))}."
            )
        if self.weights_only and (closed := self.needs - {"init"}):
            raise MeasureDefinitionError(
                f"{self.name} must need no more than 'init' to see weights only; got {', '.join(sorted(closed))}."
            )
        if self.expected_sign not in (1, -1):
            raise MeasureDefinitionError(f"expected_sign must be +1 or -1; got {self.expected_sign}.")
        if not self.source.strip() or not (self.compute.__doc__ or "").strip():
            raise MeasureDefinitionError(f"{self.name} must have a source and a docstring with its formula.")

    @property
    def on_request(self) -> bool:
        """Whether it is left out where all measures are computed: it retrains, or is slow."""
        return self.slow or "refit" in self.needs

    def __call__(self, subject: Subject) -> float:
        """The score of one network."""
        return self.compute(self._restricted(subject))

    def _restricted(self, subject: Subject) -> Subject:
        """The subject with no more than what the measure has declared."""
        whole = subject.without_data() if self.weights_only else subject
        return whole._with_needs(self.needs)  # noqa: SLF001  granting is what a measure is for

    def evaluate(self, subject: Subject) -> tuple[float, Usage]:
        """The score and its cost.

        Raises:
            UnsupportedModelError: the measure has no meaning for this network.
            NotANumberError: the function returned something other than one number.
            NonFiniteScoreError: the function returned NaN or infinity.
        """
        seen = self._restricted(subject)
        value, usage = seen._cache.run(lambda: self.compute(seen))  # noqa: SLF001  costs are kept with the results
        number = value if isinstance(value, Layered) else _number(value, self.name)
        if not math.isfinite(number):
            raise NonFiniteScoreError(f"{self.name} must return a finite number; got {number}.")
        return number, usage


def _number(value: object, name: str) -> float:
    """Convert what a measure returned, such as a tensor of one element."""
    match value:
        case None:
            found = "None, as a function without return does"
        case torch.Tensor() if value.numel() != 1:
            found = f"a tensor of shape {list(value.shape)}"
        case torch.Tensor() | SupportsFloat() if not isinstance(value, str):
            return float(value)
        case _:
            found = f"a {type(value).__name__}"
    raise NotANumberError(f"{name} must return one number; it returned {found}.")


def measure(
    *without_parentheses: object,
    source: str,
    family: Family,
    needs: set[Need] | frozenset[Need] = frozenset(),
    expected_sign: Literal[1, -1] = 1,
    cost: str = "",
    version: int = 1,
    weights_only: bool = False,
    slow: bool = False,
) -> Callable[[Callable[[Subject], float]], Measure]:
    """Declare a complexity measure: a function from a `Subject` to a finite float.

    Example:
        >>> @measure(source="Jiang et al. 2020, eq. 42", family="norm")
        ... def param_norm(subject: Subject) -> float:
        ...     '''Squared Frobenius norm of all weights.'''
        ...     return sum(float(p.square().sum()) for p in subject.params.values())
    """
    if without_parentheses:
        raise MeasureDefinitionError("A measure is declared by @measure(source=..., family=...), all by name.")
    if not isinstance(needs, set | frozenset):
        raise MeasureDefinitionError(f"needs must be a set of names, such as {{'twin'}}; got {needs!r}.")

    def declare(compute: Callable[[Subject], float]) -> Measure:
        return Measure(
            name=compute.__name__,
            compute=compute,
            source=source,
            family=family,
            needs=frozenset(needs),
            expected_sign=expected_sign,
            cost=cost,
            version=version,
            weights_only=weights_only,
            slow=slow,
        )

    return declare
