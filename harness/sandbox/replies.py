"""Parse what comes back from the sandbox, field by field: none of it is trusted."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from harness.sandbox.submission import PluginError, Submission
from measures import Measure, Score, Subject
from measures.scores import Failure

Event = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    """Result of one measure of one network.

    Attributes:
        score: with the reason where there is no value.
        touched: what the measure changed outside of itself, such as "parameter fc.weight" or "random state".
        peak: bytes by which its process grew; of several measures in one process, until then.
        printed: the beginning of what it printed.
    """

    score: Score
    touched: tuple[str, ...] = ()
    peak: int = 0
    printed: str = ""


def reply_of(event: Event, submission: Submission) -> Reply:
    """Read a reply from what a fork sent; a malformed one is a failure of the measure."""
    match event:
        case {
            "value": None | int() | float() as value,
            "outcome": "scored" | "unsupported" | "failed" | "timeout" as outcome,
            "seconds": int() | float() as seconds,
            "version": int() as version,
            "why": str() as why,
            "passes": list() as passes,
            "layers": dict() as layers,
            "peak": int() as peak,
        } if (
            (_is_number(value) if outcome == "scored" else value is None)
            and _is_number(seconds)
            and all(isinstance(name, str) for name in passes)
            and all(map(_is_number, layers.values()))
        ):
            score = Score(
                None if value is None else float(value),
                outcome,
                max(0.0, float(seconds)),
                version,
                why,
                tuple(passes),
                {str(name): float(part) for name, part in layers.items()},
                submission.source_hash,
                _failure_in(event),
            )
            printed = event.get("printed")
            return Reply(score, (), max(0, peak), printed if isinstance(printed, str) else "")
        case _:
            return Reply(Score(None, "failed", 0.0, 0, "The sandboxed measure returned a malformed score."))


def _failure_in(event: Event) -> Failure | None:
    match event.get("failure"):
        case [
            "error" | "not finite" | "not a number" | "undeclared need" | "file" as kind,
            str(message),
            None | int() as line,
        ]:
            return Failure(kind, message, line)
        case _:
            return None


def measure_of(said: object, submission: Submission) -> Measure:
    """Build a measure from its description, with the checks of the decorator.

    Raises:
        PluginError, MeasureDefinitionError: the description is malformed, or no measure can be declared so.
    """

    def not_here(_: Subject) -> float:
        raise RuntimeError("A submitted measure must be run in the sandbox; its code is not in this process.")

    try:
        fields = dict(cast("dict[str, Any]", said))
        not_here.__doc__ = str(fields.pop("doc"))
        if not (
            isinstance(fields["name"], str) and fields["name"].isidentifier() and isinstance(fields["version"], int)
        ):
            raise PluginError(f"name must be an identifier and version a whole number; got {fields['name']!r}.")
        fields["needs"] = frozenset(fields["needs"])
        return Measure(compute=not_here, **fields)
    except (TypeError, LookupError) as error:
        raise PluginError(f"{submission.where} sent a malformed description of its measures.") from error


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
