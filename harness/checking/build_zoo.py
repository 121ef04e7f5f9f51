"""Make the check zoo from a zoo on disk: `python -m harness.checking.build_zoo DIR`, after `gapbench run check`."""

import json
import sys
from pathlib import Path
from typing import Final

import pandas as pd
import safetensors.torch
from torch import Tensor

from harness.checking.zoo import LEDGER, MEASURES, RUNS, WEIGHTS, few_weights
from harness.store.atomic_write import write_bytes, write_text, written_whole
from harness.store.store import Store
from harness.store.to_ledger import frame_of, metadata_of
from harness.store.weights import snapshots_in
from leaderboard.ranking.rank import rank
from measures.registry import catalog

FOLDER: Final = Path(__file__).parents[1] / "check_zoo"
DROPPED: Final = ("seconds", "stopped", "epochs")  # columns that no measure is compared with


def main() -> None:
    """Write the four files beside the package's modules."""
    with Store(Path(sys.argv[1])) as store:
        write_zoo(store, FOLDER)


def write_zoo(store: Store, folder: Path) -> None:
    """Write a check zoo: the same store gives the same bytes."""
    runs: dict[str, dict[str, object]] = {}
    weights: dict[str, Tensor] = {}
    for run_id, run in sorted(store.runs().items()):
        initial, final = store.weight_files(run_id)
        runs[run_id] = {
            "recipe": run.recipe.changed(),
            "losses": list(run.record.losses),
            "steps": run.record.steps,
            "initial": few_weights(initial.state()),
        }
        weights |= {f"{run_id}/{name}": value for name, value in final.state().items()}
        trajectory = store.trajectory_file(run_id)
        for kept in [] if trajectory is None else snapshots_in(trajectory):
            place = f"{run_id}@{kept.epoch}@{kept.step}"
            weights |= {f"{place}/{name}": value for name, value in kept.state.items()}
    known = catalog()
    newest = {name: score.version for _, name, score in store.scores()}  # versions ascend
    frame = frame_of(store).sort_values("run_id", ignore_index=True)
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
    entries = rank(ledger, bootstrap=0, metadata=metadata_of(known)).measures
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
