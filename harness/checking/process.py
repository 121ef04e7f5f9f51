"""Run the trials of a check in the sandbox."""

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from harness.checking.trials import Trial
from harness.sandbox.client import Sandbox
from harness.sandbox.replies import Reply
from harness.sandbox.submission import Submission
from measures import Measure, Score

MEASURE_LIMIT: Final = 10.0  # seconds for one measure of one tiny network, shared passes included


@dataclass(frozen=True, slots=True)
class Answer:
    """Scores of one trial.

    Attributes:
        key: of the trial.
        scores: by measure.
        again: by measure, a second computation; only for trials that are computed twice.
        touched: by measure, what it changed; only for trials that are computed twice.
        peak: bytes by which the process grew.
        printed: by measure, the beginning of what it printed, where it did.
    """

    key: tuple[str, ...]
    scores: Mapping[str, Score]
    again: Mapping[str, Score] = field(default_factory=dict)
    touched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    peak: int = 0
    printed: Mapping[str, str] = field(default_factory=dict)


class Runner:
    """Runs a submitted file on trials.

    Args:
        plugin: the file.
        until: deadline on the clock of `time.monotonic`.

    Attributes:
        measures: those of the file, as they describe themselves.
        isolation: of the sandbox, in words.

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

    def run(self, trials: Iterable[Trial]) -> Iterator[Answer]:
        """Yield an answer for each trial until the deadline."""
        for trial in trials:
            if time.monotonic() >= self._until:
                return
            yield self._twice(trial) if trial.again else self._once(trial)

    def _once(self, trial: Trial) -> Answer:
        replies = {name: self._score(trial, measure) for name, measure in self.measures.items()}
        return Answer(
            trial.key,
            {name: reply.score for name, reply in replies.items()},
            peak=max(reply.peak for reply in replies.values()),
            printed={name: reply.printed for name, reply in replies.items() if reply.printed},
        )

    def _twice(self, trial: Trial) -> Answer:
        pairs = {
            name: (self._score(trial, measure), self._score(trial, measure)) for name, measure in self.measures.items()
        }
        return Answer(
            trial.key,
            {name: first.score for name, (first, _) in pairs.items()},
            {name: second.score for name, (_, second) in pairs.items()},
            {name: first.touched for name, (first, _) in pairs.items()},
            max(first.peak for first, _ in pairs.values()),
            {name: first.printed for name, (first, _) in pairs.items() if first.printed},
        )

    def _score(self, trial: Trial, measure: Measure) -> Reply:
        """Compute one measure in a separate process, which gets no more than it declares."""
        parts = trial.parts.for_needs(measure.needs)
        replies = self._sandbox.score(
            self._submission,
            [measure.name],
            parts.without_data() if measure.weights_only else parts,
            time_limit=max(1.0, min(MEASURE_LIMIT, self._until - time.monotonic())),
            chunk=trial.chunk,
        )
        return replies[measure.name]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._sandbox.close()
