"""Synthetic data sets: Gaussian inputs labelled by a linear teacher, and Gaussian mixtures.

A name such as `teacher:dim=200` says all that decides the set: the kind and, after a colon, the parameters that differ
from their defaults. Inputs are images of one row [n, 1, 1, d] in float32; a network sees them with mean and variance
of all their entries normalised, as any images. Label noise is a recipe's corruption. The pool of training examples is
the same for every recipe, and a recipe's seed draws its subset.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import torch
from torch import Tensor

from zoo.data.image_set import ImageSet, Split, assemble
from zoo.errors import DatasetError, suggestion
from zoo.ieee import normal
from zoo.seeds import generator

SEPARATOR: Final = ":"
LARGEST: Final = 2**27  # numbers in a set: half a gigabyte


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """Parameters that every synthetic data set has.

    Attributes:
        dim: numbers of an input, d.
        train: training examples in the pool.
        test: test examples.

    Raises:
        DatasetError: parameters that are impossible or contradict each other.
    """

    KIND: ClassVar[str]
    SUMMARY: ClassVar[str]
    EXAMPLE: ClassVar[str]

    dim: int
    train: int = 2000
    test: int = 4000

    def __post_init__(self) -> None:
        for name in ("dim", "train", "test"):
            self.require(getattr(self, name) >= 1, name, "be at least 1")
        numbers = self.dim * (self.train + self.test)
        if numbers > LARGEST:
            raise DatasetError(
                f"{self.KIND}: dim x (train + test) must be at most {LARGEST:,} numbers; got {numbers:,}."
            )

    @property
    def name(self) -> str:
        """The name of the data set: its kind, and the parameters that differ from their defaults."""
        values = {field.name: (field.type, getattr(self, field.name)) for field in dataclasses.fields(self)}
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        given = [
            f"{name}={value if kind is int else float(value)}"
            for name, (kind, value) in values.items()
            if value != defaults[name]
        ]
        return f"{self.KIND}{SEPARATOR}{','.join(given)}"

    @classmethod
    def parse(cls, parameters: str) -> Self:
        """Read the parameters of a name.

        Raises:
            DatasetError: an unknown parameter, one without a number, or one that is missing.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {}
        for part in parameters.split(","):
            name, _, text = part.partition("=")
            if name not in fields:
                raise DatasetError(f"No parameter of {cls.KIND!r} is called {name!r}. {suggestion(name, fields)}")
            number = _number(text, fields[name].type is int)
            if number is None:
                kind = "a whole number" if fields[name].type is int else "a finite number"
                raise DatasetError(f"{cls.KIND}: {name} must be {kind}; got {text!r}.")
            values[name] = number
        missing = [field.name for field in fields.values() if field.default is dataclasses.MISSING]
        if lacking := [name for name in missing if name not in values]:
            raise DatasetError(f"{cls.KIND}: {', '.join(lacking)} must be given; got {parameters!r}.")
        return cls(**values)

    def require(self, holds: bool, name: str, must: str) -> None:
        """Refuse a parameter that does not hold."""
        if not holds:
            raise DatasetError(f"{self.KIND}: {name} must {must}; got {getattr(self, name)}.")

    def draw(self, count: int, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw inputs [count, d] in float64 and their labels, int64 [count]."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher(Synthetic):
    r"""Gaussian inputs of two blocks, strong and weak, and the sign of a linear teacher as their label.

    .. math:: x = (z_s, \sigma z_w), \qquad y = \mathrm{sign}(\sqrt{1 - a}\, u_s^\top z_s + \sqrt a\, u_w^\top z_w)

    with standard normal z and unit vectors u, each with equal coordinates; u_s is zero but for its first `nonzero`.

    Attributes:
        weak: coordinates of the weak block, the last ones; 0 for one block.
        scale: sigma, the standard deviation of the weak block.
        weak_share: a, the share of the teacher's variance that lies on the weak block.
        nonzero: coordinates of the strong block that the teacher uses; all if 0.
    """

    KIND: ClassVar[str] = "teacher"
    SUMMARY: ClassVar[str] = "Gaussian inputs, two classes by the sign of a linear teacher; strong and weak features"
    EXAMPLE: ClassVar[str] = "teacher:dim=200"

    weak: int = 0
    scale: float = 1.0
    weak_share: float = 0.0
    nonzero: int = 0

    def __post_init__(self) -> None:
        super(Teacher, self).__post_init__()  # zero-argument super fails in dataclasses with slots
        self.require(0 <= self.weak < self.dim, "weak", f"lie in [0, dim) with dim={self.dim}")
        self.require(0 < self.scale < math.inf, "scale", "be positive")
        self.require(0 <= self.weak_share <= 1, "weak_share", "lie in [0, 1]")
        strong = self.dim - self.weak
        self.require(
            0 <= self.nonzero <= strong, "nonzero", f"lie in [0, {strong}], the coordinates of strong features"
        )
        if self.weak == 0 and (self.scale, self.weak_share) != (1, 0):
            raise DatasetError(
                f"{self.KIND}: scale and weak_share must keep their defaults with weak=0, for there is no weak "
                f"block; got scale={self.scale}, weak_share={self.weak_share}."
            )
        if self.nonzero and self.weak_share == 1:
            raise DatasetError(f"{self.KIND}: nonzero must be 0 with weak_share=1; got {self.nonzero}.")

    def draw(self, count: int, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw inputs [count, d] in float64 and their labels, int64 [count]."""
        inputs = normal((count, self.dim), stream)
        strong = self.dim - self.weak
        used = inputs[:, : self.nonzero or strong]
        score = math.sqrt((1 - self.weak_share) / used.shape[1]) * used.sum(1)
        if self.weak:
            score += math.sqrt(self.weak_share / self.weak) * inputs[:, strong:].sum(1)
        inputs[:, strong:] *= self.scale
        return inputs, (score > 0).long()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture(Synthetic):
    r"""Isotropic Gaussians around the means of equally frequent classes: x = mu_y + z.

    Two classes have the means :math:`\pm s e_1`, more have the orthogonal means :math:`s e_y`.

    Attributes:
        signal: s, the length of the means in standard deviations of the noise z.
        classes: k.
    """

    KIND: ClassVar[str] = "mixture"
    SUMMARY: ClassVar[str] = "isotropic Gaussians around one mean for each class"
    EXAMPLE: ClassVar[str] = "mixture:dim=200,signal=2.0"

    signal: float
    classes: int = 2

    def __post_init__(self) -> None:
        super(Mixture, self).__post_init__()
        self.require(0 <= self.signal < math.inf, "signal", "be at least 0")
        self.require(self.classes >= 2, "classes", "be at least 2")  # noqa: PLR2004  a classifier tells two apart
        least = max(self.classes, 2) if self.classes > 2 else 1  # noqa: PLR2004
        self.require(self.dim >= least, "dim", f"be at least {least} with classes={self.classes}, whose means differ")
        for name in ("train", "test"):
            self.require(getattr(self, name) >= self.classes, name, f"be at least classes={self.classes}")

    def draw(self, count: int, stream: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw inputs [count, d] in float64 and their labels, int64 [count]; classes take turns."""
        inputs = normal((count, self.dim), stream)
        labels = torch.arange(count) % self.classes
        if self.classes == 2:  # noqa: PLR2004  opposite means
            inputs[:, 0] += self.signal * (2 * labels - 1)
        else:
            inputs[torch.arange(count), labels] += self.signal
        return inputs, labels


KINDS: Final[dict[str, type[Synthetic]]] = {kind.KIND: kind for kind in (Teacher, Mixture)}
EXAMPLES: Final = tuple(kind.EXAMPLE for kind in KINDS.values())


def is_synthetic(name: str) -> bool:
    """Whether a data set's name is that of a synthetic one."""
    kind, separator, _ = name.partition(SEPARATOR)
    return bool(separator) and kind in KINDS


def synthetic(name: str) -> Synthetic:
    """Read the parameters in a synthetic data set's name.

    Raises:
        DatasetError: see `Synthetic.parse`; or a name that spells its parameters in another way than `Synthetic.name`.
    """
    kind, _, parameters = name.partition(SEPARATOR)
    found = KINDS[kind].parse(parameters)
    if name != found.name:
        raise DatasetError(f"The data set {name!r} must be called {found.name!r}, so that it has one name.")
    return found


def load_synthetic(name: str) -> ImageSet:
    """Draw a synthetic data set; its name decides it.

    Raises:
        DatasetError: see `synthetic`; or a class without a training example.
    """
    spec = synthetic(name)
    train, test = _half(spec, "train", spec.train), _half(spec, "test", spec.test)
    return assemble(name, train, test)


def _half(spec: Synthetic, half: str, count: int) -> Split:
    inputs, labels = spec.draw(count, generator(spec.name, half))
    return Split(where=f"{spec.name}, {half}", images=inputs.float()[:, None, None], labels=labels)


def _number(text: str, whole: bool) -> int | float | None:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
