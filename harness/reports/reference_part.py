"""Parts of a reference ledger: the networks of a zoo that no earlier part holds, as a Parquet file without weights.

python -m harness.reports.reference_part ZOO leaderboard/reference/cifar10 --observed error_under_shift
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pandas as pd

from harness.store.atomic_write import written_whole
from harness.store.store import Store, open_store
from harness.store.to_ledger import frame_of

PART: Final = "part-{:04d}.parquet"
MADE: Final = (
    "mode",
    "precision",
    "steps",
    "num_params",
    "labels_changed",
    "fleet",
)  # of the record, beside the ledger's


def write_part(store: Store, folder: Path, observed: Sequence[str] = ()) -> Path | None:
    """Write the networks that the parts in a folder lack as its next part; None where there are none.

    A network that lacks one of the observations `observed` waits for a later part, since no part is written twice.

    A part has the columns of a ledger, every hyperparameter of every network, and for each network `recipe`,
    `provenance`, `losses` and `curve` as JSON: what rebuilds its weights, and what it came to on the way.
    """
    known = {run_id for part in parts_in(folder) for run_id in pd.read_parquet(part, columns=["run_id"])["run_id"]}
    frame = frame_of(store, every_hyperparameter=True) if store.runs() else pd.DataFrame({"run_id": []})
    done = store.observed()
    wanted = [i for i in frame["run_id"] if i not in known and all((i, name) in done for name in observed)]
    fresh = frame[frame["run_id"].isin(wanted)].reset_index(drop=True)
    if fresh.empty:
        return None
    runs = [store.runs()[run_id] for run_id in fresh["run_id"]]
    for name in MADE:
        fresh[name] = [getattr(run.record, name) for run in runs]
    fresh["recipe"] = [json.dumps(run.recipe.changed(), sort_keys=True) for run in runs]
    fresh["provenance"] = [json.dumps(run.provenance, sort_keys=True) for run in runs]
    fresh["losses"] = [json.dumps(run.record.losses) for run in runs]
    fresh["curve"] = [json.dumps([asdict(point) for point in run.record.curve]) for run in runs]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / PART.format(len(parts_in(folder)) + 1)
    with written_whole(path) as temporary:
        fresh.to_parquet(temporary, index=False)
    return path


def parts_in(folder: Path) -> list[Path]:
    """The parts in a folder, the first one first."""
    return sorted(folder.glob("part-*.parquet"))


def read_parts(folder: Path) -> pd.DataFrame:
    """All networks of a reference ledger, in the order in which they were added."""
    return pd.concat([pd.read_parquet(part) for part in parts_in(folder)], ignore_index=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the next part and say what it holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("zoo", type=Path, help="the directory of a zoo")
    parser.add_argument("folder", type=Path, help="the folder of the parts")
    parser.add_argument(
        "--observed", nargs="*", default=(), help="leave out networks that lack one of these observations"
    )
    chosen = parser.parse_args(arguments)
    with open_store(chosen.zoo) as store:
        path = write_part(store, chosen.folder, chosen.observed)
    if path is None:
        print("The parts hold every network of the zoo that is ready.")  # noqa: T201  its answer
    else:
        print(f"{path}: {len(pd.read_parquet(path, columns=['run_id']))} networks")  # noqa: T201  its answer


if __name__ == "__main__":
    main()
