"""Where a submitted measure runs for a check: in the sandbox, and nowhere else."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from harness.checking.trials import Trial
from harness.sandbox.client import Sandbox
from harness.sandbox.submission import Parts, Submission
from measures import Measure, Score

MEASURE_LIMIT: Final = 10.0  # seconds for one measure of one tiny network, shared passes included


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one trial.

    Attributes:
        key: of the trial.
        scores: by measure.
        again: by measure, a second computation on a subject of its own, where it was asked for.
        touched: by measure, what it did not leave as it was, where a second computation was asked for.
        peak: bytes by which the process grew at most.
    """

    key: tuple[str, ...]
    scores: Mapping[str, Score]
    again: Mapping[str, Score] = field(default_factory=dict)
    touched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peak: int = 0


class Runner:
    """Runs a submitted file on trials.

    Args:
        plugin: the file.
        until: when it must have ended, on the clock of `time.monotonic`.

    Attributes:
        measures: those of the file, as they describe themselves.
        isolation: what the file is kept in, in words.

    Raises:
        PluginError, MeasureDefinitionError: there is no file, or it does not run, or defines no measure.
    """

    def __init__(self, plugin: Path, until: float) -> None:
        self._submission, self._until = Submission.of_file(plugin), until
        self._sandbox = Sandbox()
        try:
            self.measures: dict[str, Measure] = self._sandbox.describe(self._submission)
        except BaseException:
            self._sandbox.close()
            raise
        held = self._sandbox.isolation
        self.isolation = f"a sandbox: {held.kind} ({', '.join(held.guards)})"
        self._needs = frozenset(need for measure in self.measures.values() for need in measure.needs)
        self._blind = all(measure.weights_only for measure in self.measures.values())

    def run(self, trials: Iterable[Trial]) -> Iterator[Answer]:
        """An answer for each trial, until the time is up."""
        for trial in trials:
            if time.monotonic() >= self._until:
                return
            yield self._twice(trial) if trial.again else self._once(trial)

    def _once(self, trial: Trial) -> Answer:
        replies = self._sandbox.score(self._submission, self.measures, **self._asked(trial))
        return Answer(
            trial.key,
            {name: reply.score for name, reply in replies.items()},
            peak=max(reply.peak for reply in replies.values()),
        )

    def _twice(self, trial: Trial) -> Answer:
        """Each measure alone, so that what it touches is its own doing."""
        asked = self._asked(trial)
        pairs = {
            name: [self._sandbox.score(self._submission, [name], **asked)[name] for _ in range(2)]
            for name in self.measures
        }
        return Answer(
            trial.key,
            {name: first.score for name, (first, _) in pairs.items()},
            {name: second.score for name, (_, second) in pairs.items()},
            {name: first.touched for name, (first, _) in pairs.items()},
            max(first.peak for first, _ in pairs.values()),
        )

    def _asked(self, trial: Trial) -> dict[str, Any]:
        """What the sandbox is asked: nothing that no measure of the file declares is in it."""
        parts = Parts(**trial.parts).for_needs(self._needs)
        return {
            "parts": parts.without_data() if self._blind else parts,
            "time_limit": max(1.0, min(MEASURE_LIMIT, self._until - time.monotonic())),
            "chunk": trial.chunk,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._sandbox.close()
