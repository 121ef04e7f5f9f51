"""Map the column names of any table to those of a ledger."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from leaderboard.errors import LedgerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Columns of a table that are hyperparameters, measures, gap and accuracies, beside those named like a ledger's.

    Attributes:
        hp: names, or patterns with * and ?, of hyperparameters.
        measure: of measures.
        gap: the column of the gap.
        train_accuracy, test_accuracy: the columns of the accuracies.
    """

    hp: tuple[str, ...] = ()
    measure: tuple[str, ...] = ()
    gap: str | None = None
    train_accuracy: str | None = None
    test_accuracy: str | None = None

    def rename(self, header: Sequence[str]) -> list[str]:
        """Rename a header to the names of a ledger.

        Raises:
            LedgerError: an unknown name, a column mapped twice, or two columns mapped to one name.
        """
        new = {name: name for name in header}
        for prefix, patterns in (("hp.", self.hp), ("measure.", self.measure)):
            for pattern in patterns:
                for name in _match(pattern, header):
                    _rename(new, name, name if name.startswith(prefix) else prefix + name)
        for to in ("gap", "train_accuracy", "test_accuracy"):
            if (column := getattr(self, to)) is not None:
                for name in _match(column, header):
                    _rename(new, name, to)
        names = [new[name] for name in header]
        repeated = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if repeated is not None and len(set(header)) == len(header):
            raise LedgerError(f"Column names must be unique; two columns are mapped to {repeated!r}.")
        return names


def suggest(name: str, known: Iterable[str]) -> str:
    """Suggest known names close to an unknown one."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"Did you mean: {', '.join(near)}?" if near else f"Available: {', '.join(known)}."


def _match(pattern: str, header: Sequence[str]) -> list[str]:
    """Find the column of a name, or the columns that match a pattern."""
    found = [name for name in header if name == pattern] or [name for name in header if fnmatchcase(name, pattern)]
    if not found:
        raise LedgerError(f"No column is called {pattern!r}. {suggest(pattern, header)}")
    return found


def _rename(new: dict[str, str], name: str, to: str) -> None:
    if new[name] not in (name, to):
        raise LedgerError(f"A column can be mapped once; {name!r} is mapped to {new[name]} and to {to}.")
    new[name] = to
