"""Rank what lies on disk: a zoo's directory or a ledger's file. Needs torch only where a zoo has no fresh snapshot."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import msgspec
import pandas as pd
from rich.console import Console

from harness.errors import HarnessError
from harness.reports.given_metadata import Given, with_given
from harness.reports.reference import read_reference, reference_name, require_scores
from harness.store.catalogue_source import read_catalogue
from harness.store.estimator_noise import read_table
from harness.store.provenance import versions
from harness.store.snapshot import Snapshot, read_snapshot, require_zoo
from leaderboard.claims import JudgedClaim
from leaderboard.ledger.column_names import Columns
from leaderboard.ledger.read import names_of, read_ledger
from leaderboard.ledger.targets import Target
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report, Seeds
from leaderboard.statistics.sign_error import Enough, Weights
from leaderboard.views.held_out import beside

CLAIMS: Final = "claims.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RankOptions:
    """Options of a ranking; see `leaderboard.rank`.

    Attributes:
        target: what the measures should predict.
        within: the hyperparameter within whose values networks are also ranked; None for none.
        all_runs: rank networks that did not converge, too.
        columns: which columns of a ledger's file are what; None for those of a zoo.
        percent: whether accuracies and gap of a ledger's file are in percent.
        bins: number of bins by hyperparameter.
        metadata: fields of measures that the user gives, by name of the measure.
        seeds, weights, enough, bootstrap: as `leaderboard.rank` takes them.
    """

    target: Target = "gap"
    within: str | None = "corruption"
    all_runs: bool = False
    columns: Columns | None = None
    percent: bool = False
    bins: Mapping[str, int] = field(default_factory=dict)
    metadata: Given = field(default_factory=dict)
    seeds: Seeds = "averaged"
    weights: Weights = "hoeffding"
    enough: Enough = "share"
    bootstrap: int = 1000


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranking with what its page shows.

    Attributes:
        report: the ranking.
        ledger: what was ranked.
        curves: loss of each epoch of each network, by run_id; empty for a ledger's file.
    """

    report: Report
    ledger: pd.DataFrame
    curves: Mapping[str, tuple[float, ...]]


def rank_source(source: Path, options: RankOptions, console: Console) -> Ranked:
    """Rank a zoo's directory, a ledger's file, or reference:NAME; damage is reported on the console.

    Raises:
        HarnessError: there is nothing to rank, claims beside it that cannot be read, or metadata of no measure.
        LeaderboardError: a ledger that cannot be ranked.
    """
    zoo = read_source(source, console, columns=options.columns, percent=options.percent)
    report = rank(
        zoo.ledger,
        target=options.target,
        within=options.within,
        bootstrap=options.bootstrap,
        seeds=options.seeds,
        weights=options.weights,
        enough=options.enough,
        bins=options.bins,
        metadata=with_given(describe_measures(zoo.metadata), options.metadata, names_of(zoo.ledger, "measure")),
        converged_only=not options.all_runs,
    )
    return Ranked(replace(report, provenance=zoo.provenance, claims=_read_claims(source)), zoo.ledger, zoo.curves)


def read_source(source: Path, console: Console, *, columns: Columns | None = None, percent: bool = False) -> Snapshot:
    """Read a zoo's directory, a ledger's file, or reference:NAME; damage is reported on the console.

    Raises:
        HarnessError: there is nothing to read, or columns are mapped of what is no ledger's file.
        LedgerError: a file that is no ledger.
    """
    reference = reference_name(source)
    if (columns is not None or percent) and (reference is not None or source.is_dir()):
        what = "a zoo's directory" if reference is None else "a reference ledger"
        raise HarnessError(f"--hp, --measure, --gap and --percent are for a ledger's file; {source} is {what}.")
    if reference is not None:
        zoo = read_reference(reference)
        require_scores(zoo, reference)
        return zoo
    if source.is_dir():
        return read_zoo(source, console)
    if source.exists():
        return Snapshot(read_ledger(source, columns, percent=percent), {"ledger": source.name}, {}, {})
    raise HarnessError(
        f"{source} must be a zoo's directory or a ledger's file; there is neither. Make a zoo: gapbench run digits "
        "--out zoo. Or rank a reference ledger: gapbench rank reference:cifar10."
    )


def rank_beside(public: Path, held_out: Path | None, options: RankOptions, console: Console) -> Ranked:
    """Rank a zoo, and compare it with a held-out zoo where one is given.

    Raises:
        HarnessError: as `rank_source`, or the zoos share a network: what was public is not held out.
        LeaderboardError: as `rank_source`.
    """
    one = rank_source(public, options, console)
    if held_out is None:
        return one
    other = rank_source(held_out, options, console)
    are_zoos = all(zoo.is_dir() or reference_name(zoo) is not None for zoo in (public, held_out))
    if are_zoos and (shared := sorted(set(one.ledger["run_id"]) & set(other.ledger["run_id"]))):
        raise HarnessError(
            f"A public and a held-out zoo must have no network in common; {public} and {held_out} share "
            f"{len(shared)}, {shared[0]} among them. Make a held-out zoo: gapbench run SUITE --secret-seed FILE."
        )
    return replace(one, report=replace(one.report, beside=beside(one.report, other.report)))


def read_zoo(folder: Path, console: Console) -> Snapshot:
    """Read a zoo's directory: its snapshot where that is up to date, else its ledger, which imports torch.

    Raises:
        NoZooError: the directory holds no zoo.
        StoreError: its ledger cannot be opened.
    """
    require_zoo(folder)
    if (fresh := read_snapshot(folder)) is not None:
        return replace(fresh, provenance={**fresh.provenance, "ranked by": versions()})
    from harness.reports.write_results import report_repairs
    from harness.store.store import open_store
    from harness.store.to_ledger import curves_of, frame_of, provenance_of

    with open_store(folder) as store:
        read = Snapshot(frame_of(store), provenance_of(store), store.metadata(), curves_of(store))
        report_repairs(store, console)
    return read


def describe_measures(stored: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """Merge metadata that a zoo stores with the catalogue's words; version and code stay those of the scores.

    The estimator noise is that of the table, where it was measured of the same version.
    """
    catalogue, table = read_catalogue(), read_table()
    found = {
        name: {**stored.get(name, {}), **catalogue.get(name, {})}
        | {key: value for key, value in stored.get(name, {}).items() if key in ("version", "source_hash")}
        for name in {**stored, **catalogue}
    }
    for name, one in found.items():
        if name in table and table[name].version == one.get("version") and not one.get("source_hash"):
            one["noise"] = table[name].noise
    return found


def parse_columns(
    hp: str | None, measure: str | None, gap: str | None, train_accuracy: str | None, test_accuracy: str | None
) -> Columns | None:
    """Read the options that map columns; None where none is given."""
    if (hp, measure, gap, train_accuracy, test_accuracy) == (None,) * 5:
        return None
    names = [tuple(name.strip() for name in (text or "").split(",") if name.strip()) for text in (hp, measure)]
    return Columns(hp=names[0], measure=names[1], gap=gap, train_accuracy=train_accuracy, test_accuracy=test_accuracy)


def parse_bins(text: str | None) -> dict[str, int]:
    """Read the value of --bins: numbers by hyperparameter, such as a=4,b=0.

    Raises:
        HarnessError: another form.
    """
    bins = {}
    for part in (text or "").split(","):
        name, equals, count = (piece.strip() for piece in part.partition("="))
        if equals and name and count.isdecimal():
            bins[name] = int(count)
        elif part.strip():
            raise HarnessError(f"Bins must be written as name=number,name=number; got {part.strip()!r}.")
    return bins


def _read_claims(source: Path) -> list[JudgedClaim]:
    """Read what was judged when the zoo was made; nothing for a ledger's file."""
    judged = source / CLAIMS
    try:
        return msgspec.json.decode(judged.read_bytes(), type=list[JudgedClaim]) if judged.is_file() else []
    except msgspec.MsgspecError as error:
        raise HarnessError(
            f"{judged} must be JSON; it cannot be read: {error}. Run the suite again, or remove it."
        ) from error
