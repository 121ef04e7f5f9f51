"""Predict the gaps of a zoo's networks from a reference zoo: read both, with all their hyperparameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from harness.errors import HarnessError
from harness.reports.reference import (
    PREFIX,
    parts_in,
    read_parts,
    read_reference,
    reference_folder,
    reference_name,
    reference_names,
    require_scores,
)
from harness.store.snapshot import require_zoo
from leaderboard.ledger.read import check_ledger, read_ledger
from leaderboard.ledger.targets import Target
from leaderboard.prediction.predict import PredictionReport, predict


@dataclass(frozen=True, slots=True)
class Source:
    """A ledger with every hyperparameter, and the version of each measure that computed its scores, where known."""

    ledger: pd.DataFrame
    versions: dict[str, object]


def predict_source(
    source: Path, reference: str, console: Console, *, target: Target = "gap", measures: Sequence[str] | None = None
) -> PredictionReport:
    """Predict the networks of a zoo's directory, a ledger's file or reference:NAME from a reference.

    Measures whose scores are of different versions do not predict.

    Raises:
        HarnessError: there is no such source or reference.
        LeaderboardError: a ledger that cannot be used, or no measure in common.
    """
    known = read_known(reference, console)
    networks = _read(source, console, targets=False)
    differ = {
        name: f"Scored by version {version} here and by version {known.versions[name]} in the reference."
        for name, version in networks.versions.items()
        if known.versions.get(name, version) != version
    }
    if measures and (stale := next((name for name in measures if name in differ), None)):
        raise HarnessError(f"{stale} cannot predict: {differ[stale]} Score the zoo again.")
    return predict(known.ledger, networks.ledger, target=target, measures=measures, why=differ)


def read_known(reference: str, console: Console) -> Source:
    """Read a reference: a reference ledger of the package by name, a zoo's directory or a ledger's file.

    Raises:
        HarnessError: there is none, or it has no scores.
    """
    if reference in reference_names():
        return _read(Path(PREFIX + reference), console)
    if reference_name(Path(reference)) is None and not Path(reference).exists():
        names = ", ".join(reference_names())
        raise HarnessError(
            f"--reference must be one of {names}, a zoo's directory or a ledger's file; got {reference}."
        )
    return _read(Path(reference), console)


def _read(source: Path, console: Console, *, targets: bool = True) -> Source:
    if (name := reference_name(source)) is not None:
        read = read_reference(name)
        require_scores(read, name)
        return _source(read_parts(reference_folder(name)), read.metadata)
    if source.is_dir():
        if not parts_in(source):
            return _read_zoo(source, console)
        return Source(read_parts(source), {})
    if not source.exists():
        raise HarnessError(f"{source} must be a zoo's directory or a ledger's file; there is neither.")
    return Source(read_ledger(source, targets=targets), {})


def _read_zoo(folder: Path, console: Console) -> Source:
    """Read a zoo through its store, since the snapshot lacks hyperparameters that never vary."""
    from harness.reports.write_results import report_repairs
    from harness.store.store import open_store
    from harness.store.to_ledger import frame_of

    require_zoo(folder)
    with open_store(folder) as store:
        frame, metadata = frame_of(store, every_hyperparameter=True), store.metadata()
        report_repairs(store, console)
    if not any(str(column).startswith("measure.") for column in frame):
        raise HarnessError(
            f"{folder} must hold scores; its {len(frame)} networks have none. Score them: gapbench score."
        )
    return _source(check_ledger(frame, targets=False), metadata)


def _source(ledger: pd.DataFrame, metadata: Mapping[str, Mapping[str, object]]) -> Source:
    return Source(ledger, {name: one["version"] for name, one in metadata.items() if "version" in one})
