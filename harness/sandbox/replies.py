"""What comes back from the sandbox, checked field by field: nothing of it is believed to be well formed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from harness.sandbox.submission import Submission
from measures import Measure, Score, Subject
from measures.api import Outcome


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sandbox says of one measure of one network.

    Attributes:
        score: with the reason where there is no value.
        touched: what the measure changed that is not its own, such as "parameter fc.weight" or "random state".
        peak: bytes by which its process grew; of several in one process, until then.
    """

    score: Score
    touched: tuple[str, ...] = ()
    peak: int = 0


def reply_of(event: Mapping[str, Any], submission: Submission) -> Reply:
    """A reply of what a fork says; what is not well formed is a failure."""
    value, outcome, layers = event.get("value"), event.get("outcome"), event.get("layers")
    passes, peak = event.get("passes"), event.get("peak")
    whole = (
        outcome in get_args(Outcome)
        and (_is_number(value) if outcome == "scored" else value is None)
        and _is_number(event.get("seconds"))
        and isinstance(event.get("version"), int)
        and isinstance(event.get("why"), str)
        and isinstance(passes, list)
        and all(isinstance(name, str) for name in passes)
        and isinstance(layers, dict)
        and all(map(_is_number, layers.values()))
        and isinstance(peak, int)
    )
    if not whole:
        return Reply(Score(None, "failed", 0.0, 0, "In the sandbox, it sent what is no score."))
    score = Score(
        None if value is None else float(value),
        cast("Outcome", outcome),
        max(0.0, float(event["seconds"])),
        event["version"],
        event["why"],
        tuple(cast("list[str]", passes)),
        {name: float(part) for name, part in cast("dict[str, float]", layers).items()},
        submission.source_hash,
    )
    return Reply(score, (), max(0, cast("int", peak)))


def measure_of(said: object, submission: Submission) -> Measure:
    """A measure as it describes itself, checked as its own decorator would have.

    Raises:
        ValueError: it cannot be so.
    """

    def elsewhere(_: Subject) -> float:
        raise RuntimeError("A submitted measure must be run in the sandbox; its code is not in this process.")

    try:
        fields = dict(cast("dict[str, Any]", said))
        elsewhere.__doc__ = str(fields.pop("doc"))
        if not (
            isinstance(fields["name"], str) and fields["name"].isidentifier() and isinstance(fields["version"], int)
        ):
            raise ValueError(f"name must be an identifier and version a whole number; got {fields['name']!r}.")
        fields["needs"] = frozenset(fields["needs"])
        return Measure(compute=elsewhere, **fields)
    except (TypeError, LookupError) as error:
        raise ValueError(f"{submission.where} must describe its measures; it sent what is no description.") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
