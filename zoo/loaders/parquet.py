"""Read image data sets from Parquet files in the hub's layout: NAME/train.parquet and NAME/test.parquet."""

import json
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

IMAGE_COLUMNS: Final = ("img", "image")  # a struct with the field bytes, or spelled flat: img.bytes
LABEL_COLUMNS: Final = ("label", "fine_label")  # the second is CIFAR-100's


def load_parquet(name: str, folder: Path) -> ImageSet:
    """Read `folder`/train.parquet and `folder`/test.parquet.

    Images are encoded files in the field `bytes` of the column `img` or `image`, or in a flat column `img.bytes` or
    `image.bytes`. Labels are integers in the column `label` or `fine_label`; where the hub's metadata names the
    classes, there are as many classes as names, otherwise as many as the largest label says.

    Raises:
        DatasetError: a file that is missing, cut short or no Parquet, lacks a column, or holds an image or label that
            cannot be used.
    """
    (train, train_classes), (test, test_classes) = (_read(folder / f"{half}.parquet") for half in ("train", "test"))
    if train_classes != test_classes:
        raise DatasetError(
            f"{test.where} must name as many classes in its metadata as {train.where}, {train_classes}; "
            f"got {test_classes}."
        )
    return assemble(name, train, test, train_classes)


def _read(path: Path) -> tuple[Split, int | None]:
    """One file, and the number of classes that its metadata names."""
    if not path.is_file():
        raise DatasetError(f"{path.parent} must hold train.parquet and test.parquet; {path.name} is missing.")
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
    encoded = _require_whole(_image_column(table, path), path, "image").to_pylist()
    labels = _labels(table[label_column], path, label_column)
    images = decode(encoded, lambda row: f"row {row} of {path}")
    return Split(where=str(path), images=images, labels=labels), _named_classes(table, path, label_column)


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


def _named_classes(table: pa.Table, path: Path, label_column: str) -> int | None:
    """Count the classes in the hub's metadata; None if it names none."""
    raw = (table.schema.metadata or {}).get(b"huggingface")
    if raw is None:
        return None
    try:
        feature = json.loads(raw)["info"]["features"].get(label_column, {})
        names = feature.get("names")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"The metadata 'huggingface' of {path} must be JSON with info.features; got {raw[:80]!r}. Remove it."
        ) from error
    return len(names) if names else None


def _is_bytes(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _columns(table: pa.Table) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in table.schema) or "no columns"
