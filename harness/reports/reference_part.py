"""Write what a zoo adds to a reference ledger as Parquet parts: networks without weights, and scores.

python -m harness.reports.reference_part ZOO leaderboard/reference/cifar10 --observed error_under_shift
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pandas as pd

from harness.reports.reference import NETWORKS, SCORES, parts_in, read_networks, read_scores
from harness.store.atomic_write import written_whole
from harness.store.provenance import provenance
from harness.store.snapshot import KEY
from harness.store.store import Store, open_store
from harness.store.to_ledger import frame_of

MADE: Final = (
    "mode",
    "precision",
    "steps",
    "num_params",
    "labels_changed",
    "fleet",
)  # of the record, beside the ledger's
OF_SCORES: Final = ("measure.", "cost.", "outcome.", "why.")
DONE: Final = ("scored", "unsupported")  # outcomes that are not tried again
COLUMNS: Final = ("run_id", "measure", "version", "outcome", "value", "seconds", "why")
MICROSECONDS: Final = 6  # decimals of seconds


def write_part(store: Store, folder: Path, observed: Sequence[str] = ()) -> Path | None:
    """Write the networks that the parts in a folder lack as its next part; None where there are none.

    A network that lacks one of the observations `observed` waits for a later part, since no part is written twice.

    A part has the columns of a ledger, every hyperparameter of every network, and for each network `recipe`,
    `provenance`, `losses` and `curve` as JSON: what rebuilds its weights, and what it came to on the way.
    """
    known = set(read_networks(folder)["run_id"]) if parts_in(folder) else set()
    frame = frame_of(store, every_hyperparameter=True) if store.runs() else pd.DataFrame({"run_id": []})
    done = store.observed()
    wanted = [i for i in frame["run_id"] if i not in known and all((i, name) in done for name in observed)]
    fresh = frame[frame["run_id"].isin(wanted)].reset_index(drop=True)
    if fresh.empty:
        return None
    of_scores = [name for name in fresh if str(name).startswith(OF_SCORES)]
    fresh = fresh.drop(columns=[*of_scores, "hp.precision"], errors="ignore").copy()  # `precision` says it, too
    stored = store.runs()
    runs = [stored[run_id] for run_id in fresh["run_id"]]
    for name in MADE:
        fresh[name] = [getattr(run.record, name) for run in runs]
    fresh["created"] = [run.created for run in runs]
    fresh["recipe"] = [json.dumps(run.recipe.changed(), sort_keys=True) for run in runs]
    fresh["provenance"] = [json.dumps(run.provenance, sort_keys=True) for run in runs]
    fresh["losses"] = [json.dumps(run.record.losses) for run in runs]
    fresh["curve"] = [json.dumps([asdict(point) for point in run.record.curve]) for run in runs]
    return _write(fresh, folder, NETWORKS)


def write_scores(store: Store, folder: Path) -> Path | None:
    """Write the scores that the parts in a folder lack, of the networks that they hold; None where there are none.

    Only measures of the catalogue, whose version says what computed them. A traceback is cut to its last line. The part
    holds the metadata of its measures, and the machine and versions that it was written with.
    """
    networks = set(read_networks(folder)["run_id"]) if parts_in(folder) else set()
    there = read_scores(folder)
    done = set(
        there.loc[there["outcome"].isin(DONE), ["run_id", "measure", "version"]].itertuples(index=False, name=None)
    )
    rows = [
        (
            run_id,
            name,
            score.version,
            score.outcome,
            score.value,
            round(score.seconds, MICROSECONDS),
            _last_line(score.why),
        )
        for run_id, name, score in store.scores()
        if run_id in networks and not score.source_hash and (run_id, name, score.version) not in done
    ]
    if not rows:
        return None
    fresh = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"value": float, "seconds": float})
    named = set(fresh["measure"])
    metadata = {name: described for name, described in store.metadata().items() if name in named}
    fresh.attrs = {KEY: {"measures": metadata, "provenance": dict(provenance("cpu"))}}
    return _write(fresh, folder, SCORES)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the next parts and say what they hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("zoo", type=Path, help="the directory of a zoo")
    parser.add_argument("folder", type=Path, help="the folder of the parts")
    parser.add_argument(
        "--observed", nargs="*", default=(), help="leave out networks that lack one of these observations"
    )
    chosen = parser.parse_args(arguments)
    with open_store(chosen.zoo) as store:
        networks = write_part(store, chosen.folder, chosen.observed)
        scores = write_scores(store, chosen.folder)
    for path, what in ((networks, "networks"), (scores, "scores")):
        if path is None:
            print(f"The parts hold all {what} of the zoo that are ready.")  # noqa: T201  its answer
        else:
            print(f"{path}: {len(pd.read_parquet(path, columns=['run_id']))} {what}")  # noqa: T201  its answer


def _write(fresh: pd.DataFrame, folder: Path, pattern: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / pattern.format(len(parts_in(folder, pattern)) + 1)
    with written_whole(path) as temporary:
        fresh.to_parquet(temporary, index=False)
    return path


def _last_line(why: str) -> str:
    return (why.strip().splitlines() or [""])[-1]


if __name__ == "__main__":
    main()
