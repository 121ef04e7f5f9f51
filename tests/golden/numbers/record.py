"""The golden numbers: version, tolerance and scores of the stored networks by measure, and departures from them."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil, inf, log10
from pathlib import Path
from typing import Final

from tests.golden.numbers.scores import Scores

FILE: Final = Path(__file__).with_name("scores.json")
RENEW: Final = "run `make golden`"

MARGIN: Final = 30.0  # tolerance over the spread that was measured: other processors are not among the ways of rounding
LEAST: Final = 1e-9  # tolerance of what does not move: float64 has 1e-16, and sums over weights and images amplify it
MOST: Final = 0.5  # tolerance of what retraining amplifies: initial weights drawn by other kernels end elsewhere
VANISHING: Final = 1e-9  # part of a measure's largest score below which a score is rounding


@dataclass(frozen=True, slots=True)
class Golden:
    """The golden numbers of one measure.

    Attributes:
        version: of the measure when they were computed.
        first: the version that was stored first; CHANGELOG names every later one.
        tolerance: relative difference up to which a score is the same number.
        scores: by network; None where the measure refuses it.
    """

    version: int
    first: int
    tolerance: float
    scores: Mapping[str, float | None]


def read_golden(file: Path = FILE) -> dict[str, Golden]:
    """Read the golden numbers by measure."""
    stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return {name: Golden(**fields) for name, fields in stored.items()}


def write_golden(golden: Mapping[str, Golden], file: Path = FILE) -> None:
    """Write them, a measure a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(dataclasses.asdict(golden[name]))}" for name in sorted(golden)]
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def distance(scores: Mapping[str, float | None], others: Mapping[str, float | None]) -> float:
    """The largest relative difference of two sets of scores of one measure; infinite where only one refuses."""
    known = [abs(value) for value in scores.values() if value is not None]
    least = VANISHING * max(known, default=0.0)

    def apart(a: float | None, b: float | None) -> float:
        if a is None or b is None:
            return 0.0 if a is b else inf
        return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b), least)

    return max((apart(value, others.get(name)) for name, value in scores.items()), default=0.0)


def tolerance_of(spread: float) -> float:
    """`MARGIN` times a spread, rounded up to a power of ten, between `LEAST` and `MOST`."""
    return min(MOST, max(LEAST, 10.0 ** ceil(log10(MARGIN * spread)))) if spread > 0 else LEAST


def complaints(
    golden: Mapping[str, Golden],
    found: Scores,
    versions: Mapping[str, int],
    changelog: str,
    networks: Iterable[str] | None = None,
) -> Iterator[str]:
    """Say of every measure what must be done before a merge, a sentence each.

    Args:
        golden: the golden numbers.
        found: scores of today.
        versions: of today's catalogue, by measure.
        changelog: text of CHANGELOG.md.
        networks: which of the stored networks `found` has; all if None.
    """
    chosen = None if networks is None else set(networks)
    for name in sorted(golden.keys() - versions.keys()):
        yield f"{name} has golden numbers but is not in the catalogue: {RENEW}."
    for name, version in versions.items():
        known = golden.get(name)
        if known is None:
            yield f"{name} has no golden numbers: {RENEW}."
            continue
        if version > known.first and f"`{name}` {version}" not in changelog:
            yield f"{name} has version {version}, which CHANGELOG.md must name: add `{name}` {version} and why."
        if version != known.version:
            yield f"{name} has version {version} and the golden numbers of version {known.version}: {RENEW}."
            continue
        scores = {key: value for key, value in known.scores.items() if chosen is None or key in chosen}
        moved = distance(scores, found.get(name, {}))
        if moved > known.tolerance:
            yield (
                f"{name} changed by {moved:.2g} of its value, more than rounding ({known.tolerance:.0e}), but still "
                f"has version {version}: raise its version, name it in CHANGELOG.md and {RENEW}, or undo the change."
            )
