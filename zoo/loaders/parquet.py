"""Read image data sets from Parquet files in the hub's layout: one file or several shards for each half."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import Tensor

from zoo.data.image_set import ImageSet, Split, assemble
from zoo.errors import DatasetError
from zoo.loaders.decoding import decode
from zoo.loaders.halves import Half, find_parquet

IMAGE_COLUMNS: Final = ("img", "image")  # a struct with the field bytes, or spelled flat: img.bytes
LABEL_COLUMNS: Final = ("label", "labels", "fine_label")  # the last is CIFAR-100's

ClassNames = tuple[str, ...]


def load_parquet(name: str, folder: Path) -> ImageSet:
    """Read the Parquet files of a folder, see `zoo.loaders.halves.find_parquet`.

    Images are encoded files in the field `bytes` of the column `img` or `image`, in a flat column `img.bytes` or
    `image.bytes`, or files in the folder that the field `path` names. Labels are integers in the column `label`,
    `labels` or `fine_label`. Where the hub's metadata names the classes, there are as many classes as names, and their
    numbers are those of the training half; otherwise as many as the largest label says.

    Raises:
        DatasetError: a file that is missing, cut short or no Parquet, lacks a column, or holds an image or label that
            cannot be used; or halves that name other classes.
    """
    train, names = _read_half(folder, "train")
    test, test_names = _read_half(folder, "test")
    if names is not None and test_names is not None and names != test_names:
        test = _renumber(test, test_names, train.where, names)
    known = names if names is not None else test_names
    return assemble(name, train, test, None if known is None else len(known))


def _read_half(folder: Path, half: Half) -> tuple[Split, ClassNames | None]:
    """Read one half, and the names of the classes in its metadata."""
    files = find_parquet(folder, half)
    if not files:
        raise DatasetError(
            f"{folder} must hold train.parquet and test.parquet, or shards such as train-00000-of-00001.parquet; those "
            f"of {half} are missing."
        )
    shards = [_read(path) for path in files]
    for path, (_, names) in zip(files, shards, strict=True):
        if names != shards[0][1]:
            raise DatasetError(f"{path} must name the classes as {files[0]} does. Write both again with one metadata.")
    if len(files) == 1:
        return shards[0]
    splits = [split for split, _ in shards]
    if len(shapes := {split.images.shape[1:] for split in splits if len(split.images)}) > 1:
        raise DatasetError(
            f"The shards of {half} in {files[0].parent} must hold images of one shape; got "
            f"{' and '.join(str(list(shape)) for shape in sorted(shapes))}."
        )
    images = torch.cat([split.images for split in splits if len(split.images)] or [splits[0].images])
    where = f"{files[0]} to {files[-1].name}"
    return Split(where=where, images=images, labels=torch.cat([split.labels for split in splits])), shards[0][1]


def _renumber(test: Split, names: ClassNames, train_where: str, train_names: ClassNames) -> Split:
    """Number the classes of a test half as the training half does."""
    if sorted(names) != sorted(train_names):
        apart = sorted(set(names) ^ set(train_names)) or list(names)
        raise DatasetError(
            f"{test.where} must name the classes of {train_where} in its metadata; they differ in "
            f"{', '.join(map(repr, apart[:10]))}."
        )
    numbers = torch.tensor([train_names.index(name) for name in names])
    inside = (test.labels >= 0) & (test.labels < len(names))  # others are refused later, by row
    return replace(test, labels=torch.where(inside, numbers[test.labels.clamp(0, len(names) - 1)], test.labels))


def _read(path: Path) -> tuple[Split, ClassNames | None]:
    """One file, and the names of the classes in its metadata."""
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(
            f"{path} must be a whole Parquet file; reading it says: {error} Copy or download it again."
        ) from error
    label_column = next((column for column in LABEL_COLUMNS if column in table.column_names), None)
    if label_column is None:
        raise DatasetError(f"{path} must have a column 'label' of integers; got {_columns(table)}.")
    encoded = _encoded(table, path)
    labels = _labels(table[label_column], path, label_column)
    images = decode(encoded, lambda row: f"row {row} of {path}")
    return Split(where=str(path), images=images, labels=labels), _named_classes(table, path, label_column)


def _encoded(table: pa.Table, path: Path) -> list[bytes | Path]:
    """Return the encoded images of a file, or the files in its folder that hold them."""
    column = _image_column(table, path)
    paths = _path_column(table)
    if column.null_count == len(column) > 0 and paths is not None and paths.null_count == 0:
        found = [path.parent / each for each in paths.to_pylist()]
        missing = next((row for row, file in enumerate(found) if not file.is_file()), None)
        if missing is not None:
            raise DatasetError(
                f"Row {missing} of {path} has the path of an image and no bytes; there must be a file "
                f"{found[missing]}. Put the images there, or store their bytes."
            )
        return list(found)
    return list(_require_whole(column, path, "image").to_pylist())


def _path_column(table: pa.Table) -> Any:
    """The chunked array of paths of images; None if there is none."""
    for name in IMAGE_COLUMNS:
        if f"{name}.path" in table.column_names:
            return table[f"{name}.path"]
        if name in table.column_names:
            kind = table[name].type
            if pa.types.is_struct(kind) and "path" in kind.names and not pa.types.is_null(kind.field("path").type):
                return pc.struct_field(table[name], "path")
    return None


def _image_column(table: pa.Table, path: Path) -> Any:
    """The chunked array of encoded images."""
    for name in IMAGE_COLUMNS:
        flat = f"{name}.bytes"
        if flat in table.column_names and _is_bytes(table[flat].type):
            return table[flat]
        if name in table.column_names:
            kind = table[name].type
            if _is_bytes(kind):
                return table[name]
            if pa.types.is_struct(kind) and "bytes" in kind.names and _is_bytes(kind.field("bytes").type):
                return pc.struct_field(table[name], "bytes")
    raise DatasetError(
        f"{path} must have a column 'img' or 'image' with a field 'bytes' of encoded images, or a flat column "
        f"'img.bytes'; got {_columns(table)}."
    )


def _labels(column: Any, path: Path, name: str) -> Tensor:
    """Labels [n] as int64."""
    if not pa.types.is_integer(column.type):
        raise DatasetError(f"Column {name!r} of {path} must hold integers, 0 to k - 1; got {column.type}.")
    try:
        whole = _require_whole(column, path, name).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise DatasetError(f"Column {name!r} of {path} must hold integers, 0 to k - 1; got: {error}") from error
    return torch.tensor(whole.to_pylist(), dtype=torch.int64)


def _require_whole(column: Any, path: Path, what: str) -> Any:
    """The column, refused if a value is missing."""
    if column.null_count:
        row = pc.index(pc.is_null(column), value=True).as_py()
        raise DatasetError(
            f"Each row of {path} must have an image and a label; the {what} of row {row} is missing, and "
            f"{column.null_count} in all. Write the file again without these rows."
        )
    return column


def _named_classes(table: pa.Table, path: Path, label_column: str) -> ClassNames | None:
    """Read the names of the classes in the hub's metadata; None if it names none."""
    raw = (table.schema.metadata or {}).get(b"huggingface")
    if raw is None:
        return None
    try:
        feature = json.loads(raw)["info"]["features"].get(label_column, {})
        names = feature.get("names")
        return tuple(map(str, names)) if names else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"The metadata 'huggingface' of {path} must be JSON with info.features; got {raw[:80]!r}. Remove it."
        ) from error


def _is_bytes(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _columns(table: pa.Table) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in table.schema) or "no columns"
