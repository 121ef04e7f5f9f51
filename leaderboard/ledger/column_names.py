"""Anybody's column names, mapped to those of a ledger."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from leaderboard.errors import LedgerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns of a table are hyperparameters, measures and the gap, beside those that are named as a ledger's.

    Attributes:
        hp: names, or patterns with * and ?, of hyperparameters.
        measure: of measures.
        gap: the column of the gap.
    """

    hp: tuple[str, ...] = ()
    measure: tuple[str, ...] = ()
    gap: str | None = None

    def renamed(self, header: Sequence[str]) -> list[str]:
        """The header with the names of a ledger.

        Raises:
            LedgerError: a name that is not there, one column for two things, or two columns of one name.
        """
        new = {name: name for name in header}
        for prefix, patterns in (("hp.", self.hp), ("measure.", self.measure)):
            for pattern in patterns:
                for name in _matching(pattern, header):
                    _rename(new, name, name if name.startswith(prefix) else prefix + name)
        if self.gap is not None:
            for name in _matching(self.gap, header):
                _rename(new, name, "gap")
        names = [new[name] for name in header]
        repeated = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if repeated is not None and len(set(header)) == len(header):
            raise LedgerError(f"The columns of a ledger must have different names; two are mapped to {repeated!r}.")
        return names


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown name."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"Did you mean: {', '.join(near)}?" if near else f"Available: {', '.join(known)}."


def _matching(pattern: str, header: Sequence[str]) -> list[str]:
    """The columns of a name, or of a pattern if none has it as its name."""
    found = [name for name in header if name == pattern] or [name for name in header if fnmatchcase(name, pattern)]
    if not found:
        raise LedgerError(f"No column is called {pattern!r}. {suggestion(pattern, header)}")
    return found


def _rename(new: dict[str, str], name: str, to: str) -> None:
    if new[name] not in (name, to):
        raise LedgerError(f"A column must be one thing; {name!r} is mapped to {new[name]} and to {to}.")
    new[name] = to
