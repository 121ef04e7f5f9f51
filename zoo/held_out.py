"""Draw the recipes of a held-out zoo: a suite with seeds and levels that a secret decides, so nobody can tune to it.

What a suite compares stays: how many networks, which data sets, families, corruptions and their levels, optimizers and
stopping rules. Redrawn are the seeds and, once for each level of an axis, the values of `RATES`, `SHARES` and
`COUNTS`: recipes that shared a level still share one, so that every comparison of the suite is there again. Sources and
teachers are recipes as any other, so a network still starts from the network that it started from.
"""

import hmac
import math
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from zoo.models.build import BASE_CHANNELS
from zoo.recipe import Recipe, redrawn, with_others
from zoo.recipe_fields import FAMILIES, SOLVED

PROTOCOL: Final = 1  # part of every draw and of the fingerprint; raise it when levels are drawn in another way
RATES: Final = redrawn("rate")
SHARES: Final = redrawn("share")
COUNTS: Final = redrawn("count")  # width counts channels
SEEDS: Final = redrawn("seed")
OF_SOLVED: Final = ("weight_decay", "train_size")  # the others mean nothing for what is solved, or another thing
OF_FAMILIES: Final = ("depth", "width")  # the name of any other timm model fixes both

REACH: Final = 3  # a level moves by at most 1/3 of its logarithmic distance to the next, so that 1/3 stays between them
SPREAD: Final = 1.25  # a rate that the suite does not vary moves by at most this factor: training stays what it is
DIGITS: Final = 4  # significant, of a rate or share
SEED_BITS: Final = 40  # what is added to the seeds; a double, in which tables keep it, holds 53

Levels = Mapping[tuple[str, float], float]


def held_out(recipes: Sequence[Recipe], suite: str, secret: bytes) -> tuple[Recipe, ...]:
    """The recipes of a suite as a secret makes them, in the same order; the same on every machine.

    Args:
        recipes: all of the suite, since its levels are placed among each other.
        suite: its name, part of every draw: one secret serves several suites.
        secret: what decides.
    """
    levels = _drawn(recipes, suite, secret)
    shift = int(_unit(secret, suite, "seed") * 2**SEED_BITS)
    return tuple(_moved(recipe, levels, shift) for recipe in recipes)


def fingerprint(secret: bytes) -> str:
    """Make the public fingerprint of a secret: it does not reveal the secret, and the secret's owner can prove it."""
    return hmac.digest(secret, _message("fingerprint"), "sha256").hex()


def _moved(recipe: Recipe, levels: Levels, shift: int) -> Recipe:
    """One shift for all seeds: those that were equal stay equal, and those of siblings as far apart."""
    changes: dict[str, Any] = {name: levels[name, getattr(recipe, name)] for name in _fields_of(recipe)}
    for name in SEEDS:
        if (seed := getattr(recipe, name)) is not None:
            changes[name] = seed + shift
    changes |= {name: _moved(other, levels, shift) for name, other in recipe.builds_on.items()}
    return recipe.replace(**changes)


def _fields_of(recipe: Recipe) -> Iterator[str]:
    """Yield the fields that are redrawn; 0 and None, which turn something off, stay."""
    for name in (*RATES, *SHARES, *COUNTS):
        means_it = name in OF_SOLVED if recipe.model in SOLVED else recipe.model in FAMILIES or name not in OF_FAMILIES
        if means_it and getattr(recipe, name):
            yield name


def _drawn(recipes: Sequence[Recipe], suite: str, secret: bytes) -> Levels:
    """For each field and level of a suite the level in its place."""
    users: dict[str, dict[float, set[str]]] = defaultdict(lambda: defaultdict(set))  # field, level -> families
    for recipe in with_others(recipes):
        for name in _fields_of(recipe):
            users[name][getattr(recipe, name)].add(recipe.model)
    drawn: dict[tuple[str, float], float] = {}
    for name, families in users.items():
        levels = sorted(families)
        for place, level in enumerate(levels):
            below, above = levels[max(place - 1, 0)], levels[min(place + 1, len(levels) - 1)]
            unit = _unit(secret, suite, name, place)
            if name in COUNTS:
                count = _counted(below, level, above, _step(name, families[level]), unit)
                drawn[name, level] = float(count) if name == "width" else int(count)
            elif len(levels) > 1:
                drawn[name, level] = _between(_toward(level, below), _toward(level, above), unit)
            else:
                drawn[name, level] = (
                    _between(Decimal(level / SPREAD), Decimal(level * SPREAD), unit) if name in RATES else level
                )
    return drawn


def _toward(level: float, other: float) -> Decimal:
    """A third of the logarithmic distance from one level to another, in decimals: the same on every machine."""
    return Decimal(level) * (Decimal(other) / Decimal(level)) ** (1 / Decimal(REACH))


def _between(low: Decimal, high: Decimal, unit: float) -> float:
    """Log-uniform, to `DIGITS` digits."""
    value = low * (high / low) ** Decimal(unit)
    return float(round(value, DIGITS - 1 - value.adjusted()))


def _counted(below: float, level: float, above: float, step: Fraction, unit: float) -> Fraction:
    """One of the multiples of a step in reach, all as likely; the level itself where there is none.

    Reach is decided in fractions: x <= l (a / l)^(1/3) where x^3 <= l^2 a, which no rounding can tip.
    """
    centre = Fraction(level)
    low, high = (Fraction(end) * centre ** (REACH - 1) for end in (below, above))
    counts = range(math.floor(Fraction(above) / step) + 1)
    first = bisect_left(counts, low, key=lambda count: (count * step) ** REACH)
    last = bisect_right(counts, high, key=lambda count: (count * step) ** REACH)
    return (first + int(unit * (last - first))) * step if first < last else centre


def _step(name: str, families: Iterable[str]) -> Fraction:
    """Smallest step to another network: one, and for widths two channels of the narrowest family that has them."""
    return Fraction(2, min(BASE_CHANNELS[family] for family in families)) if name == "width" else Fraction(1)


def _unit(secret: bytes, *names: object) -> float:
    """A number in [0, 1) that the secret and the names decide: the first 53 bits of their HMAC-SHA-256."""
    digest = hmac.digest(secret, _message(*names), "sha256")
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def _message(*names: object) -> bytes:
    return "\0".join(map(str, ("gapbench held-out", PROTOCOL, *names))).encode()
