"""Reference ledgers: networks and scores in Parquet parts, those of the package by name. Needs no torch.

A folder holds `part-0001.parquet`, ...: one row a network; and `scores-0001.parquet`, ...: one row for each network,
measure and version. `leaderboard/reference/README.md` lists the columns; `harness.reports.reference_part` writes them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pandas as pd

from harness.errors import HarnessError
from harness.store.provenance import Provenance, RunFacts, summarize
from harness.store.snapshot import KEY, Snapshot
from leaderboard.ledger.column_names import suggest

PREFIX: Final = "reference:"
NETWORKS: Final = "part-{:04d}.parquet"
SCORES: Final = "scores-{:04d}.parquet"
JSON_COLUMNS: Final = ("recipe", "provenance", "losses", "curve")  # of a part; a ledger has no use for them
STALE: Final = "It was scored by an earlier version of the measure."


class ReferenceLedgerError(HarnessError):
    """A reference ledger does not exist, holds no scores, or has parts that do not fit together."""


def reference_name(source: Path) -> str | None:
    """Return NAME of a source `reference:NAME`; None for every other source."""
    return str(source).removeprefix(PREFIX) if str(source).startswith(PREFIX) else None


def reference_names() -> list[str]:
    """Return the names of the ledgers that the package holds."""
    return sorted(folder.name for folder in _home().iterdir() if parts_in(folder))


def reference_folder(name: str) -> Path:
    """Find the parts of a ledger of the package.

    Raises:
        ReferenceLedgerError: the package holds no ledger of this name.
    """
    if name not in (known := reference_names()):
        raise ReferenceLedgerError(f"No reference ledger is called {name!r}. {suggest(name, known)}")
    return _home() / name


def parts_in(folder: Path, pattern: str = NETWORKS) -> list[Path]:
    """List the parts of networks in a folder, or with `SCORES` those of scores, the first one first."""
    return sorted(folder.glob(pattern.replace("{:04d}", "*")))


def read_networks(folder: Path) -> pd.DataFrame:
    """Read all networks of a reference ledger, in the order in which they were added, without scores.

    A hyperparameter that recipes did not have when a part was written is at its default in that part.

    Raises:
        ReferenceLedgerError: a part has other hyperparameters than the first.
    """
    parts = {path: pd.read_parquet(path) for path in parts_in(folder)}
    defaults = _defaults(parts.values())
    for part in parts.values():
        later = defaults.keys() - set(part)
        unnamed = later - {f"hp.{name}" for text in part["recipe"] for name in json.loads(text)}
        for name in sorted(unnamed):
            part[name] = defaults[name]
    columns = {path: {name for name in part if str(name).startswith("hp.")} for path, part in parts.items()}
    first = next(iter(columns))
    for path, names in columns.items():
        if different := sorted(map(str, names ^ columns[first])):
            raise ReferenceLedgerError(
                f"Parts of a reference ledger must have the same hyperparameters; {first.name} and {path.name} in "
                f"{folder} differ in {different[0]}. Write all parts with one version of the project."
            )
    return pd.concat(parts.values(), ignore_index=True)


def read_scores(folder: Path) -> pd.DataFrame:
    """Read all scores of a reference ledger: one row for each network, measure and version, the newest version last."""
    columns = ["run_id", "measure", "version", "outcome", "value", "seconds", "why"]
    parts = [pd.read_parquet(path) for path in parts_in(folder, SCORES)]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return whole.sort_values("version", kind="stable", ignore_index=True)


def read_parts(folder: Path) -> pd.DataFrame:
    """Read a reference ledger: one row a network, with the columns of every ledger, scores of the newest versions.

    A score of an earlier version than the newest of its measure is stale: it is left out, and its outcome says so.

    Raises:
        ReferenceLedgerError: the parts do not fit together.
    """
    networks = read_networks(folder)
    scores = read_scores(folder)
    scores = scores[scores["run_id"].isin(set(networks["run_id"]))].drop_duplicates(["run_id", "measure"], keep="last")
    stale = scores["version"] < scores.groupby("measure")["version"].transform("max")
    scores.loc[stale, ["value", "seconds", "outcome", "why"]] = [None, None, "stale", STALE]
    scores.loc[scores["outcome"] != "scored", "seconds"] = None
    columns: dict[str, pd.Series[Any]] = {}
    for name, cells in scores.set_index("run_id").groupby("measure", sort=False):
        of_networks = cells.reindex(networks["run_id"]).reset_index(drop=True)
        columns[f"measure.{name}"] = of_networks["value"].astype(float)
        columns[f"cost.{name}"] = of_networks["seconds"].astype(float)
        columns |= {f"{kind}.{name}": of_networks[kind] for kind in ("outcome", "why")}
    return pd.concat([networks, pd.DataFrame(columns)], axis="columns")


def read_reference(name: str) -> Snapshot:
    """Read a ledger of the package as a zoo's is read: hyperparameters that never vary are left out.

    Raises:
        ReferenceLedgerError: as `reference_folder` and `read_parts`.
    """
    return snapshot_of(reference_folder(name), PREFIX + name)


def snapshot_of(folder: Path, name: str) -> Snapshot:
    """Read a folder of parts as a zoo's ledger is read; `name` stands for a suite that is not recorded.

    Raises:
        ReferenceLedgerError: as `read_parts`.
    """
    whole = read_parts(folder)
    if len(set(whole["precision"])) > 1:  # it decided the weights, too
        whole["hp.precision"] = whole["precision"]
    same = [name for name in whole if str(name).startswith("hp.") and len(whole[name].unique()) == 1]
    losses = zip(whole["run_id"], whole["losses"], strict=True)
    return Snapshot(
        ledger=whole.drop(columns=[*same, *JSON_COLUMNS]).copy(),
        provenance=_provenance_of(whole, name),
        metadata=_metadata_of(parts_in(folder, SCORES)),
        curves={run_id: tuple(json.loads(text)) for run_id, text in losses},
    )


def require_scores(snapshot: Snapshot, name: str) -> None:
    """Refuse a reference ledger without scores.

    Raises:
        ReferenceLedgerError: it has none.
    """
    if not any(str(column).startswith("measure.") for column in snapshot.ledger):
        raise ReferenceLedgerError(
            f"{PREFIX}{name} must hold scores to be ranked; its {len(snapshot.ledger)} networks have none yet. See the "
            f"networks: gapbench export {PREFIX}{name} -o networks.csv."
        )


def _defaults(parts: Iterable[pd.DataFrame]) -> dict[str, Any]:
    """Find the value of each hyperparameter in recipes that do not name it: they name what is not at its default."""
    found: dict[str, Any] = {}
    for part in parts:
        named = [set(json.loads(text)) for text in part["recipe"]]
        for column in (str(name) for name in part if str(name).startswith("hp.")):
            values = [v for v, own in zip(part[column], named, strict=True) if column.removeprefix("hp.") not in own]
            found |= {column: values[0]} if values else {}
    return found


def _provenance_of(whole: pd.DataFrame, name: str) -> Provenance:
    created = whole["created"].fillna("") if "created" in whole else [""] * len(whole)
    facts = [
        RunFacts(json.loads(made), date, seed, seconds)
        for made, date, seed, seconds in zip(whole["provenance"], created, whole["seed"], whole["seconds"], strict=True)
    ]
    costs = [column for column in whole if str(column).startswith("cost.")]
    return summarize(facts, name, float(whole[costs].sum().sum()))


def _metadata_of(parts: Sequence[Path]) -> Mapping[str, Mapping[str, object]]:
    """Return the metadata of measures that the parts of scores hold, the newest version of each."""
    newest: dict[str, Mapping[str, object]] = {}
    for path in parts:
        for name, described in pd.read_parquet(path).attrs[KEY]["measures"].items():
            if name not in newest or described["version"] >= newest[name]["version"]:
                newest[name] = described
    return newest


def _home() -> Path:
    return Path(str(files("leaderboard") / "reference"))
