"""Make a check zoo from a zoo on disk.

python -m harness.checking.build_zoo runs/check                      # after gapbench run check
python -m harness.checking.build_zoo runs/reference --name cifar10   # a sample of the reference zoo
"""

import argparse
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import pandas as pd
import safetensors.torch
from torch import Tensor

from harness.checking.zoo import FOLDERS, LEDGER, MEASURES, PACKAGE, RUNS, WEIGHTS, few_weights
from harness.store.atomic_write import write_bytes, write_text, written_whole
from harness.store.store import Store, open_store
from harness.store.to_ledger import frame_of, metadata_of
from harness.store.weights import snapshots_in
from leaderboard.ranking.rank import rank
from measures.registry import catalog
from zoo.suites.cifar10 import shipped

DROPPED: Final = ("seconds", "stopped", "epochs")  # columns that no measure is compared with


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the four files beside the package's modules."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("zoo", type=Path, help="the directory of a zoo")
    parser.add_argument("--name", choices=list(FOLDERS), default="digits", help="of the check zoo")
    chosen = parser.parse_args(arguments)
    sample = {recipe.run_id for recipe in shipped()} if chosen.name == "cifar10" else None
    with open_store(chosen.zoo) as store:
        write_zoo(store, PACKAGE / FOLDERS[chosen.name], sample)


def write_zoo(store: Store, folder: Path, sample: Collection[str] | None = None) -> None:
    """Write a check zoo: the same store gives the same bytes.

    Args:
        store: of the zoo.
        folder: to write to.
        sample: run_ids to take, those that the store holds, without checkpoints, which would be many times their size;
            None for all, with checkpoints.
    """
    runs: dict[str, dict[str, object]] = {}
    weights: dict[str, Tensor] = {}
    for run_id, run in sorted(store.runs().items()):
        if sample is not None and run_id not in sample:
            continue
        initial, final = store.weight_files(run_id)
        runs[run_id] = {
            "recipe": run.recipe.changed(),
            "losses": list(run.record.losses),
            "steps": run.record.steps,
            "initial": few_weights(initial.state()),
        }
        weights |= {f"{run_id}/{name}": value for name, value in final.state().items()}
        trajectory = store.trajectory_file(run_id) if sample is None else None
        for kept in [] if trajectory is None else snapshots_in(trajectory):
            place = f"{run_id}@{kept.epoch}@{kept.step}"
            weights |= {f"{place}/{name}": value for name, value in kept.state.items()}
    known = catalog()
    newest = {name: score.version for _, name, score in store.scores()}  # versions ascend
    frame = frame_of(store)
    frame = frame[frame["run_id"].isin(set(runs))].sort_values("run_id", ignore_index=True)
    names = [
        name
        for name, measure in known.items()
        if frame.get(f"outcome.{name}", pd.Series(dtype=str)).isin(["scored", "unsupported"]).any()
        and measure.version == newest.get(name)
    ]
    own = [
        column for column in map(str, frame.columns) if not column.startswith(("measure.", "cost.", "outcome.", "why."))
    ]
    ledger = frame[[*(c for c in own if c not in DROPPED), *(f"measure.{name}" for name in names)]]
    entries = rank(ledger, bootstrap=0, metadata=metadata_of(known)).measures if names else {}
    about = {
        name: {"version": known[name].version, "Psi": entries[name].Psi, "tau_b": entries[name].tau_b} for name in names
    }
    folder.mkdir(exist_ok=True)
    write_bytes(folder / WEIGHTS, safetensors.torch.save(dict(sorted(weights.items()))))
    write_text(folder / RUNS, json.dumps(runs, indent=1) + "\n")
    write_text(folder / MEASURES, json.dumps(about, indent=1) + "\n")
    with written_whole(folder / LEDGER) as temporary:
        ledger.to_csv(temporary, index=False)


if __name__ == "__main__":
    main()
