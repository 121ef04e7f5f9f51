"""Metadata of a measure: family, expected sign, source, needs and documentation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, Literal

import msgspec

from leaderboard.errors import LeaderboardError

OPTIONAL: Final = ("price", "version", "track", "source_hash", "summary", "definition")  # left out of JSON where None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Metadata of a measure.

    Attributes:
        expected_sign: +1 if larger scores should mean larger gaps, -1 if smaller ones should; None if unknown.
        needs: inputs beyond the trained network and its training data.
        noise: spread over draws of its estimator relative to that over networks of one corruption; 0 without draws.
        price: the cost in words.
        track: the data that it may use.
        source_hash: hash of the code of a measure from outside.
        summary: first paragraph of its docstring.
        definition: the whole docstring.
        control: whether it is a control, which takes no rank.
        other: further entries, passed on unchanged.
    """

    family: str | None = None
    expected_sign: Literal[-1, 1] | None = None
    source: str | None = None
    needs: Sequence[str] = ()
    noise: float | None = None
    price: str | None = None
    version: int | str | None = None
    track: str | None = None
    source_hash: str | None = None
    summary: str | None = None
    definition: str | None = None
    control: bool = False
    other: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Convert to plain values; unknown optional entries are left out."""
        known = msgspec.to_builtins(self)
        other, control = known.pop("other"), known.pop("control")
        known = {key: value for key, value in known.items() if value is not None or key not in OPTIONAL}
        return {**known, **other, "control": control}


def metadata_of(name: str, known: Mapping[str, object]) -> Metadata:
    """Read the metadata of a measure from a mapping.

    Raises:
        LeaderboardError: an entry has the wrong type.
    """
    names = [each.name for each in fields(Metadata) if each.name != "other"]
    given = {key: known[key] for key in names if key in known}
    needs = given.get("needs", ())
    if isinstance(needs, set | frozenset | list | tuple):
        given["needs"] = sorted(needs)
    given.setdefault("control", given.get("family") == "control")
    given["other"] = {key: value for key, value in known.items() if key not in names}
    try:
        return msgspec.convert(given, Metadata)
    except msgspec.ValidationError as error:
        raise LeaderboardError(f"The metadata of measure {name!r} have a wrong type: {error}.") from error
