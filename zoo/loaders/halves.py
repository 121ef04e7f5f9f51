"""Find the files and folders of the two halves of a data set."""

import re
from pathlib import Path
from typing import Final, Literal

from zoo.errors import DatasetError

Half = Literal["train", "test"]

HALVES: Final[dict[Half, tuple[str, ...]]] = {"train": ("train",), "test": ("test", "validation", "valid", "val")}
SHARD: Final = re.compile(r"(?P<half>\w+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.parquet")
HUB_FOLDER: Final = "data"  # in which repositories of the hub keep their Parquet files


def find_folder(folder: Path, half: Half) -> Path | None:
    """Return the folder of a half; a validation half stands in for a missing test half."""
    return next((folder / name for name in HALVES[half] if (folder / name).is_dir()), None)


def find_parquet(folder: Path, half: Half) -> tuple[Path, ...]:
    """Return the Parquet file of a half or its shards, in order; empty if there are none.

    A half is NAME.parquet or NAME-00000-of-00002.parquet and so on, in the folder or in its subfolder `data`. A
    validation half stands in for a missing test half.

    Raises:
        DatasetError: a shard is missing.
    """
    for name in HALVES[half]:
        for place in (folder, folder / HUB_FOLDER):
            if (whole := place / f"{name}.parquet").is_file():
                return (whole,)
            if shards := _shards(place, name):
                return shards
    return ()


def _shards(place: Path, name: str) -> tuple[Path, ...]:
    found: dict[int, Path] = {}
    count = 0
    for path in place.glob(f"{name}-*.parquet"):
        match = SHARD.fullmatch(path.name)
        if match is not None and match["half"] == name:
            found[int(match["number"])] = path
            count = max(count, int(match["count"]))
    missing = [number for number in range(count) if number not in found]
    if missing:
        raise DatasetError(
            f"{place} must hold all {count} shards of {name}; {name}-{missing[0]:05d}-of-{count:05d}.parquet is "
            f"missing, and {len(missing)} in all. Copy or download them."
        )
    return tuple(found[number] for number in sorted(found))
