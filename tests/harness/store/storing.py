"""A small store, and damage to its files."""

from pathlib import Path

from harness.store.store import Store
from harness.store.weights import PackedRun
from measures import Score

SCORE = Score(1.25, "scored", 0.5, 1, "", ("outputs.logits",))


def filled(folder: Path, packed: PackedRun) -> str:
    """A store with one run and one score; its run_id."""
    with Store(folder) as store:
        run_id = store.add_run(packed)
        store.add_scores(run_id, {"param_norm": SCORE})
    return run_id


def damage(file: Path, how: str) -> None:
    """Flip the last byte's lowest bit, cut the file in two, or delete it."""
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]) if how == "bit" else content[: len(content) // 2])
