"""The ranking of what lies on disk, a zoo or anybody's ledger, and the files that a zoo gets."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pandas as pd
from rich.console import Console
from rich.markup import escape

from harness.held_out import KEY
from harness.pipeline.workers import SUITE, provenance
from harness.store.atomic_write import write_text, written_whole
from harness.store.store import Store, StoredRun
from harness.store.to_ledger import evidence_of, frame_of, metadata_of
from leaderboard.claims import JudgedClaim, claims_of, judge
from leaderboard.errors import LedgerError
from leaderboard.ledger.column_names import Columns
from leaderboard.ledger.read import Target, read_ledger
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.views.held_out import beside
from leaderboard.views.page import build
from measures.registry import catalog

CLAIMS: Final = "claims.json"


def write_results(store: Store, suite: str) -> Report:
    """Write the ledger, the claims, the ranking and the page, each file whole or not at all; the ranking."""
    ledger = frame_of(store)
    made, claims = _provenance_of(store), judge(claims_of(suite), evidence_of(store))
    report = replace(rank(ledger, metadata=_described(store)), provenance=made, claims=claims)
    write_text(store.folder / CLAIMS, json.dumps([asdict(claim) for claim in claims], indent=1, allow_nan=False))
    write_ledger(ledger, store.folder / "ledger.parquet")
    write_text(store.folder / "leaderboard.json", json.dumps(report.to_json(), indent=1, allow_nan=False))
    write_text(store.folder / "leaderboard.html", build(report, ledger, made, curves=curves_of(store)))
    return report


def write_ledger(ledger: pd.DataFrame, path: Path) -> None:
    """Write a ledger as CSV or Parquet, as the name ends."""
    with written_whole(path) as temporary:
        if path.suffix == ".csv":
            ledger.to_csv(temporary, index=False)
        else:
            ledger.to_parquet(temporary, index=False)


def ranked(
    source: Path,
    target: Target,
    within: str | None,
    console: Console,
    *,
    all_runs: bool,
    columns: Columns | None = None,
    **options: Any,
) -> tuple[Report, pd.DataFrame]:
    """The ranking of a zoo's directory or a ledger's file, and the ledger; damage is told on the console.

    Args:
        source: the directory or file.
        target: what the measures should predict.
        within: the hyperparameter whose values are also ranked one by one.
        console: where damage is told.
        all_runs: rank networks that did not converge, too.
        columns: of a file, which columns are what.
        options: others of `rank`.

    Raises:
        LedgerError: no ledger there, one that cannot be ranked, or claims beside it that cannot be read.
    """
    if source.is_dir():
        if columns is not None:
            raise LedgerError(f"Columns are mapped in a ledger's file; {source} is a zoo's directory.")
        with opened(source) as store:
            ledger, provenance_, metadata = frame_of(store), _provenance_of(store), _described(store)
            tell_repairs(store, console)
    elif not source.exists():
        raise LedgerError(
            f"{source} must be a zoo's directory or a ledger's file; there is neither. Make a zoo: gapbench run digits "
            "--out zoo."
        )
    else:
        ledger, provenance_, metadata = read_ledger(source, columns), {"ledger": source.name}, metadata_of(catalog())
    report = rank(ledger, target=target, within=within, converged_only=not all_runs, metadata=metadata, **options)
    return replace(report, provenance=provenance_, claims=_claims_beside(source)), ledger


def ranked_beside(
    public: Path, held_out: Path | None, target: Target, within: str | None, console: Console, **options: Any
) -> tuple[Report, pd.DataFrame]:
    """As `ranked`; where a held-out zoo is given, it is ranked alike, and the report holds the comparison.

    Raises:
        LedgerError: as `ranked`, or zoos that share a network: what was public is not held out.
    """
    report, ledger = ranked(public, target, within, console, **options)
    if held_out is None:
        return report, ledger
    other, networks = ranked(held_out, target, within, console, **options)
    if public.is_dir() and held_out.is_dir() and (shared := sorted(set(ledger["run_id"]) & set(networks["run_id"]))):
        raise LedgerError(
            f"Two zoos side by side must have no network in common; {public} and {held_out} share {len(shared)}, "
            f"{shared[0]} among them. Make a held-out zoo: gapbench run SUITE --secret-seed FILE."
        )
    return replace(report, beside=beside(report, other)), ledger


def _claims_beside(source: Path) -> list[JudgedClaim]:
    """What was judged when the zoo was made; nothing for a ledger's file."""
    judged = source / CLAIMS
    try:
        return msgspec.json.decode(judged.read_bytes(), type=list[JudgedClaim]) if judged.is_file() else []
    except msgspec.MsgspecError as error:
        raise LedgerError(
            f"{judged} must be JSON; it cannot be read: {error}. Run the suite again, or remove it."
        ) from error


def columns_of(hp: str | None, measure: str | None, gap: str | None) -> Columns | None:
    """The mapping of columns that comma-separated names say; None where they say nothing."""
    if (hp, measure, gap) == (None, None, None):
        return None
    names = [tuple(name.strip() for name in (text or "").split(",") if name.strip()) for text in (hp, measure)]
    return Columns(hp=names[0], measure=names[1], gap=gap)


def bins_of(text: str | None) -> dict[str, int]:
    """Numbers of bins by hyperparameter, from a=4,b=0.

    Raises:
        LedgerError: another form.
    """
    bins = {}
    for part in (text or "").split(","):
        name, equals, count = (piece.strip() for piece in part.partition("="))
        if equals and name and count.isdecimal():
            bins[name] = int(count)
        elif part.strip():
            raise LedgerError(f"Bins must be written as name=number,name=number; got {part.strip()!r}.")
    return bins


def opened(folder: Path) -> Store:
    """The store of a zoo that is there.

    Raises:
        LedgerError: there is none.
        StoreError: it cannot be opened.
    """
    if not (folder / "ledger.sqlite").is_file():
        raise LedgerError(
            f"{folder} must be a zoo's directory; it holds no ledger. Make one: gapbench run digits --out {folder}."
        )
    return Store(folder)


def curves_of(store: Store) -> dict[str, tuple[float, ...]]:
    """The loss of each epoch of each network of a zoo, by run_id."""
    return {run_id: run.record.losses for run_id, run in store.runs().items()}


def tell_repairs(store: Store, console: Console) -> None:
    """Print what the store found damaged, once."""
    for repair in store.repairs:
        console.print(f"[yellow]{escape(repair)}", highlight=False, soft_wrap=True)
    store.repairs.clear()


def _described(store: Store) -> dict[str, dict[str, Any]]:
    """What the leaderboard says of measures: the catalogue's words, and for a plug-in's those of when it was scored.

    Version and code are those of the scores, which may be older than the catalogue.
    """
    then, now = store.metadata(), metadata_of(catalog())
    return {
        name: {**then.get(name, {}), **now.get(name, {})}
        | {key: value for key, value in then.get(name, {}).items() if key in ("version", "source_hash")}
        for name in then | now
    }


def suites_in(store: Store) -> str:
    """For which suites its networks were trained; where that was not recorded yet, the folder's name stands for it."""
    return _suites(store.runs().values(), store)


def _suites(runs: Iterable[StoredRun], store: Store) -> str:
    return ", ".join(sorted({run.provenance.get(SUITE, store.folder.resolve().name) for run in runs}))


def _provenance_of(store: Store) -> dict[str, Any]:
    """What made the numbers of a zoo: when, from which seeds, on what, in how many seconds."""
    runs = list(store.runs().values())
    made = [{key: said for key, said in run.provenance.items() if key != SUITE} for run in runs]
    held_out = [each.pop(KEY) for each in made if KEY in each][:1]  # a zoo has one secret
    machines = {json.dumps(each, sort_keys=True) for each in made}
    return {
        "suite": _suites(runs, store),
        **({"held out": held_out[0]} if held_out else {}),
        "date": max((run.created for run in runs), default="")[:10],
        "networks": len(runs),
        "seeds": ", ".join(str(seed) for seed in sorted({run.recipe.seed for run in runs})),
        "training seconds": round(sum(run.record.seconds for run in runs), 1),
        "scoring seconds, were each measure computed alone": round(store.scoring_seconds(), 1),
        "ranked by": dict(provenance("cpu")["versions"]),
        **{f"machine {n}": json.loads(machine) for n, machine in enumerate(sorted(machines), 1)},
    }
