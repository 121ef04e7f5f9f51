"""Status of a zoo, also while another process works in it: read from the ledger and the progress log, without torch."""

import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from harness.pipeline.progress import LOG
from harness.store.lock import Holder, holder_of
from harness.store.snapshot import LEDGER, require_zoo

LINE: Final = re.compile(
    r"(?P<at>\S+) (?P<task>[\w-]+): (?P<done>\d+) of (?P<total>\d+) networks \(\d+%\), (?P<s>\d+) s"
)
REASON_WIDTH: Final = 160  # characters; the last line of a traceback may be long
LATEST: Final = (  # of each network and measure, the score of its highest version
    "SELECT outcome, why FROM scores AS s WHERE version = "
    "(SELECT MAX(version) FROM scores AS t WHERE (t.run_id, t.measure) = (s.run_id, s.measure))"
)


class UnreadableLedgerError(HarnessError):
    """The ledger cannot be read."""


@dataclass(frozen=True, slots=True)
class Step:
    """The last step in the progress log.

    Attributes:
        task: such as "training".
        done, total: networks.
        seconds: from its start to its last line.
        at: time of that line, ISO 8601 in UTC.
    """

    task: str
    done: int
    total: int
    seconds: int
    at: str

    @property
    def per_hour(self) -> float | None:
        """Networks an hour; None where nothing is known."""
        return 3600 * self.done / self.seconds if self.done and self.seconds else None

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate; None where nothing is known."""
        return (self.total - self.done) * self.seconds / self.done if self.done else None


@dataclass(frozen=True, slots=True)
class Status:
    """Status of a zoo.

    Attributes:
        holder: the process that trains or scores in it; None where none does.
        networks: how many are trained.
        scores: the latest version's, by outcome.
        failures: how many scores failed or timed out, by reason, most frequent first.
        step: the last one; None without a readable log.
    """

    holder: Holder | None
    networks: int
    scores: dict[str, int]
    failures: dict[str, int]
    step: Step | None


def read_status(folder: Path) -> Status:
    """Read the status of a zoo.

    Raises:
        NoZooError: the directory holds none.
        UnreadableLedgerError: its ledger cannot be read.
    """
    require_zoo(folder)
    try:
        with closing(sqlite3.connect(f"{(folder / LEDGER).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            networks = int(connection.execute("SELECT COUNT(*) FROM runs").fetchone()[0])
            scores = list(connection.execute(LATEST))
    except sqlite3.Error as error:
        raise UnreadableLedgerError(
            f"{folder / LEDGER} cannot be read ({error}). gapbench doctor {folder} says what is damaged."
        ) from error
    failed = Counter(_reason(outcome, why) for outcome, why in scores if outcome in ("failed", "timeout"))
    outcomes = Counter(str(outcome) for outcome, _ in scores)
    return Status(holder_of(folder), networks, dict(outcomes), dict(failed.most_common()), _last_step(folder / LOG))


def _reason(outcome: str, why: object) -> str:
    """Return the last line of a traceback, where the exception stands."""
    lines = str(why).strip().splitlines()
    return f"{outcome}: {lines[-1][:REASON_WIDTH]}" if lines else outcome


def _last_step(log: Path) -> Step | None:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        if found := LINE.match(line):
            return Step(found["task"], int(found["done"]), int(found["total"]), int(found["s"]), found["at"])
    return None
