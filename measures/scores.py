"""Scores of one network: a dictionary that prints as a table and turns into rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from measures.api import Outcome
from measures.errors import InvalidSubjectError

if TYPE_CHECKING:
    import pandas as pd

FailureKind = Literal["error", "not finite", "not a number", "undeclared need", "file", "changed inputs"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Failure of a measure.

    Attributes:
        kind: the class of the reason; "file" where it could not open one, "changed inputs" where it did not leave the
            network and its data as they were.
        message: one line, the exception's.
        line: last line of the measure's file that was running; None if unknown.
    """

    kind: FailureKind
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The outcome of one measure on one network.

    Attributes:
        value: the score, a finite number; None unless `outcome` is "scored".
        outcome: "scored", "unsupported", "failed" or "timeout".
        seconds: what the measure would cost alone, shared passes included.
        version: the measure's version.
        why: the reason where there is no value; for "failed" the traceback.
        passes: the shared passes that it used; "vectorization.plain_loop" where a loop stood in for vmap.
        layers: of a sum or product over layers, the term or factor of each, by name; empty for others.
        source_hash: of the submitted code that computed it; empty for the catalogue's, whose versions say enough.
        failure: what a measure that ran has failed of; None for every other outcome. The ledger does not store it.
    """

    value: float | None
    outcome: Outcome
    seconds: float
    version: int
    why: str = ""
    passes: tuple[str, ...] = ()
    layers: Mapping[str, float] = field(default_factory=dict)
    source_hash: str = ""
    failure: Failure | None = None


class Scores(dict[str, Score]):
    """A `Score` for each measure, by name; `print` shows a table, and `to_frame` makes a pandas.DataFrame of it."""

    def to_frame(self) -> "pd.DataFrame":
        """Return a frame with a row for each measure, by name: value, outcome, seconds and reason."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=["measure", "value", "outcome", "seconds", "why"]).set_index("measure")

    def rows(self) -> list[dict[str, object]]:
        """Return one row a measure: measure, value, outcome, seconds and the last line of the reason."""
        return [
            {
                "measure": name,
                "value": one.value,
                "outcome": one.outcome,
                "seconds": one.seconds,
                "why": (one.why.strip().splitlines() or [""])[-1],
            }
            for name, one in self.items()
        ]

    def __repr__(self) -> str:
        """Show the table, as a notebook does for the last line of a cell."""
        return str(self)

    def __str__(self) -> str:
        """Write the rows as a table of aligned text."""
        lines = [("measure", "value", "seconds", "")]
        for name, one in self.items():
            why = (one.why.strip().splitlines() or [""])[-1]
            value = "-" if one.value is None else f"{one.value:.6g}"
            lines.append((name, value, f"{one.seconds:.3g}", "" if one.value is not None else f"{one.outcome}: {why}"))
        first, second, third = (max(len(line[place]) for line in lines) for place in range(3))
        return "\n".join(
            f"{name:<{first}}  {value:>{second}}  {seconds:>{third}}  {why}".rstrip()
            for name, value, seconds, why in lines
        )


def join_batches(batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Join the batches of a DataLoader, pairs of inputs and labels.

    Raises:
        InvalidSubjectError: no batches, or other things than pairs of tensors.
    """
    pairs = [tuple(batch) for batch in batches]
    if not pairs or any(len(pair) != 2 or not all(isinstance(part, Tensor) for part in pair) for pair in pairs):  # noqa: PLR2004  inputs and labels
        raise InvalidSubjectError(
            "Without labels, inputs must be batches of (inputs, labels), such as a DataLoader; they are not. Pass "
            "score(model, inputs, labels), or a DataLoader."
        )
    return torch.cat([pair[0] for pair in pairs]), torch.cat([pair[1] for pair in pairs])
