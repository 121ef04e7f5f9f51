"""Image data sets as Parquet files."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from zoo.data.datasets import load
from zoo.errors import DatasetError

DIGITS = load("digits")
IMAGES = DIGITS.train_images[:40, 0].numpy()
LABELS = DIGITS.train_labels[:40].tolist()
assert set(LABELS) == set(range(10))


def png(image: np.ndarray[Any, Any]) -> bytes:
    """The bytes of a PNG file."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


PNGS = [png(image) for image in IMAGES]


def struct_column(encoded: list[bytes | None], column: str = "image") -> dict[str, Any]:
    """Images as the hub stores them."""
    values = [None if each is None else {"bytes": each, "path": None} for each in encoded]
    return {column: pa.array(values, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))}


def write(folder: Path, train: dict[str, Any], test: dict[str, Any] | None = None, names: int | None = None) -> Path:
    """NAME/train.parquet and NAME/test.parquet, with the hub's metadata if `names` says how many classes to name."""
    (folder / "set").mkdir(exist_ok=True)
    for half, columns in (("train", train), ("test", train if test is None else test)):
        table = pa.table(columns)
        if names is not None:
            feature = {"names": [f"class {k}" for k in range(names)], "_type": "ClassLabel"}
            info = {"info": {"features": {"image": {"_type": "Image"}, "label": feature}}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
        pq.write_table(table, folder / "set" / f"{half}.parquet", row_group_size=7)
    return folder


GOOD = {**struct_column(list(PNGS)), "label": LABELS}


@pytest.mark.parametrize(
    "columns",
    [
        {**struct_column(list(PNGS), "img"), "label": LABELS},
        {**struct_column(list(PNGS), "image"), "label": pa.array(LABELS, pa.uint8())},
        {"img.bytes": PNGS, "img.path": [""] * 40, "label": LABELS},
        {"image.bytes": pa.array(PNGS, pa.large_binary()), "label": LABELS},
        {"image": PNGS, "label": LABELS},
        {**struct_column(list(PNGS)), "labels": LABELS},
        {**struct_column(list(PNGS), "img"), "fine_label": LABELS, "coarse_label": [0] * 40},
    ],
    ids=["img", "image", "flat", "flat large", "plain bytes", "labels", "fine_label"],
)
def test_layouts_of_columns(columns: dict[str, Any], tmp_path: Path) -> None:
    """Every byte and label, in order, the halves not confused."""
    test = {name: column[:25] for name, column in columns.items()}
    read = load("set", write(tmp_path, columns, test))
    assert np.array_equal(read.train_images[:, 0].numpy(), IMAGES)
    assert np.array_equal(read.test_images[:, 0].numpy(), IMAGES[:25])
    assert read.train_labels.tolist() == LABELS
    assert read.test_labels.tolist() == LABELS[:25]
    assert read.num_classes == 10
    assert read.name == "set"


def test_metadata_names_the_classes(tmp_path: Path) -> None:
    """Ten names, ten classes; a test half without the last ones is no matter."""
    few = [row for row in range(40) if LABELS[row] < 5]
    test = {**struct_column([PNGS[row] for row in few]), "label": [LABELS[row] for row in few]}
    assert load("set", write(tmp_path, GOOD, test, names=10)).num_classes == 10


def refused(folder: Path, message: str) -> None:
    """The set is not loaded, and the message says why."""
    with pytest.raises(DatasetError, match=message):
        load("set", folder)


@pytest.mark.parametrize("half", ["train", "test"])
def test_a_missing_half(half: str, tmp_path: Path) -> None:
    """One file alone is no data set."""
    write(tmp_path, GOOD)
    (tmp_path / "set" / f"{half}.parquet").unlink()
    refused(tmp_path, rf"set must hold train\.parquet and test\.parquet, .*; those of {half} are missing")


@pytest.mark.parametrize(
    "damage",
    [lambda raw: raw[:-100], lambda raw: raw[: len(raw) // 2], lambda _: b"", lambda _: b"PAR1 is not enough PAR1"],
    ids=["tail cut", "half", "empty", "no Parquet"],
)
@pytest.mark.parametrize("half", ["train", "test"])
def test_damaged_files(damage: Callable[[bytes], bytes], half: str, tmp_path: Path) -> None:
    """Cut short or something else."""
    write(tmp_path, GOOD)
    file = tmp_path / "set" / f"{half}.parquet"
    file.write_bytes(damage(file.read_bytes()))
    refused(tmp_path, rf"{half}\.parquet must be a whole Parquet file; .* Copy or download it again")


def test_overwritten_pages(tmp_path: Path) -> None:
    """A whole footer over broken data."""
    write(tmp_path, GOOD)
    file = tmp_path / "set" / "train.parquet"
    raw = bytearray(file.read_bytes())
    raw[4:400] = bytes(396)
    file.write_bytes(raw)
    refused(tmp_path, r"train\.parquet must be a whole Parquet file")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": PNGS}, r"must have a column 'label' of integers; got image: binary"),
        ({"label": LABELS}, r"train\.parquet must have a column 'img' or 'image' .*; got label: int64\."),
        ({"image": ["a.png"] * 40, "label": LABELS}, r"with a field 'bytes' .*; got image: string, label: int64\."),
        ({"image": [{"path": "a.png"}] * 40, "label": LABELS}, r"with a field 'bytes'"),
        ({"image": PNGS, "label": [str(k) for k in LABELS]}, r"'label' of .*train\.parquet must hold .* string"),
        ({"image": PNGS, "label": [k / 2 for k in LABELS]}, r"must hold integers, 0 to k - 1; got double"),
        ({**GOOD, "label": [*LABELS[:6], None, *LABELS[7:]]}, r"the label of row 6 is missing, and 1 in all"),
        ({**struct_column([*PNGS[:9], None, None, *PNGS[11:]]), "label": LABELS}, r"image of row 9 is missing, and 2"),
        ({"image": [*PNGS[:9], b"broken", *PNGS[10:]], "label": LABELS}, r"image in row 9 of .*train\.parquet must"),
        ({"image": [*PNGS[:9], PNGS[9][:70], *PNGS[10:]], "label": LABELS}, r"image in row 9 of .*train\.parquet"),
        ({"image": [*PNGS[:9], png(IMAGES[0][:7]), *PNGS[10:]], "label": LABELS}, r"8x8 as in row 0 .* 8x7 in row 9"),
        ({**GOOD, "label": [-1, *LABELS[1:]]}, r"train\.parquet must lie in 0 to 9; got -1 in row 0, and 1 "),
        ({**GOOD, "label": [k + 1 for k in LABELS]}, r"11 classes .*train\.parquet; got none of 1, class 0 "),
        ({**GOOD, "label": [0, 10**12] * 20}, r"none of 999999999999, class 1, 2, .*, 10 among"),
        ({**GOOD, "label": pa.array([0, 2**63] * 20, pa.uint64())}, r"must hold integers, .*; got: Integer value"),
        ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}, r"at least one image; got none"),
    ],
)  # fmt: skip
def test_unusable_contents(columns: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Each is refused, naming file and row or column."""
    write(tmp_path, columns, GOOD)
    refused(tmp_path, message)


def test_labels_beyond_the_named_classes(tmp_path: Path) -> None:
    """The metadata is held to, in both halves."""
    write(tmp_path, GOOD, names=9)
    refused(tmp_path, rf"train\.parquet must lie in 0 to 8; got 9 in row {LABELS.index(9)}")
    write(tmp_path, GOOD, {**GOOD, "label": [10, *LABELS[1:]]}, names=10)
    refused(tmp_path, r"test\.parquet must lie in 0 to 9; got 10 in row 0")
    write(tmp_path, GOOD, names=12)
    refused(tmp_path, r"Each of the 12 classes must have an image in .*train\.parquet; got none of 2, class 10, 11 ")


def test_a_class_without_training_images(tmp_path: Path) -> None:
    """It occurs in the test half alone."""
    without = [row for row in range(40) if LABELS[row] != 9]
    train = {**struct_column([PNGS[row] for row in without]), "label": [LABELS[row] for row in without]}
    write(tmp_path, train, GOOD)
    refused(tmp_path, r"Each of the 10 classes must have an image in .*train\.parquet; got none of 1, class 9 ")


def test_a_single_class(tmp_path: Path) -> None:
    """There is nothing to tell apart."""
    write(tmp_path, {**GOOD, "label": [0] * 40})
    refused(tmp_path, r"train\.parquet must hold at least two classes; got 1")


def test_halves_that_differ(tmp_path: Path) -> None:
    """In the size or colour of images, or in the classes that they name."""
    write(
        tmp_path, GOOD, {"image": [png(np.kron(each, np.ones((2, 2), np.uint8))) for each in IMAGES], "label": LABELS}
    )
    refused(tmp_path, r"test\.parquet must hold images .* of the shape in .*, \[1, 8, 8\]; got \[1, 16, 16\]")
    write(tmp_path, GOOD, {"image": [png(np.stack([each] * 3, axis=-1)) for each in IMAGES], "label": LABELS})
    refused(tmp_path, r"\[1, 8, 8\]; got \[3, 8, 8\]")


@pytest.mark.parametrize("metadata", ["{", "[]", '{"info": 3}', '{"info": {"features": {"label": 1}}}'])
def test_metadata_that_cannot_be_read(metadata: str, tmp_path: Path) -> None:
    """Rather than guessing the classes."""
    write(tmp_path, GOOD)
    table = pa.table(GOOD).replace_schema_metadata({"huggingface": metadata})
    pq.write_table(table, tmp_path / "set" / "train.parquet")
    refused(tmp_path, r"The metadata 'huggingface' of .*train\.parquet must be JSON")


def named(names: list[str], columns: dict[str, Any]) -> pa.Table:
    """A table whose metadata names the classes."""
    feature = {"names": names, "_type": "ClassLabel"}
    info = {"info": {"features": {"image": {"_type": "Image"}, "label": feature}}}
    return pa.table(columns).replace_schema_metadata({"huggingface": json.dumps(info)})


NAMES = [f"class {k}" for k in range(10)]


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    """Metadata that name the same classes in another order: the test labels follow the training half's numbers."""
    write(tmp_path, GOOD)
    turned = NAMES[::-1]
    pq.write_table(named(NAMES, GOOD), tmp_path / "set" / "train.parquet")
    other = {**GOOD, "label": [turned.index(NAMES[k]) for k in LABELS]}
    pq.write_table(named(turned, other), tmp_path / "set" / "test.parquet")
    assert load("set", tmp_path).test_labels.tolist() == LABELS


@pytest.mark.parametrize("half", ["train", "test"])
def test_metadata_of_one_half_hold_for_both(half: str, tmp_path: Path) -> None:
    """The other half has none."""
    write(tmp_path, GOOD)
    pq.write_table(named(NAMES, GOOD), tmp_path / "set" / f"{half}.parquet")
    assert load("set", tmp_path).num_classes == 10


def test_other_classes_are_refused(tmp_path: Path) -> None:
    """The message names those that differ."""
    write(tmp_path, GOOD)
    pq.write_table(named(NAMES, GOOD), tmp_path / "set" / "train.parquet")
    pq.write_table(named([*NAMES[:9], "a cat"], GOOD), tmp_path / "set" / "test.parquet")
    refused(tmp_path, r"test\.parquet must name the classes of .*; they differ in 'a cat', 'class 9'")


@pytest.mark.parametrize("place", [".", "data"])
def test_shards_are_read_in_order(place: str, tmp_path: Path) -> None:
    """As the hub stores them; a validation half stands in for a test half."""
    folder = tmp_path / "set" / place
    folder.mkdir(parents=True)
    table = pa.table(GOOD)
    for number, start, count in ((0, 0, 15), (1, 15, 0), (2, 15, 25)):
        pq.write_table(table.slice(start, count), folder / f"train-{number:05d}-of-00003.parquet")
    pq.write_table(table.slice(0, 25), folder / "validation-00000-of-00001.parquet")
    read = load("set", tmp_path)
    assert np.array_equal(read.train_images[:, 0].numpy(), IMAGES)
    assert read.train_labels.tolist() == LABELS
    assert read.test_labels.tolist() == LABELS[:25]


def test_a_missing_shard(tmp_path: Path) -> None:
    """Half of a half is none."""
    write(tmp_path, GOOD)
    (tmp_path / "set" / "train.parquet").rename(tmp_path / "set" / "train-00001-of-00002.parquet")
    refused(tmp_path, r"all 2 shards of train; train-00000-of-00002\.parquet is missing, and 1 in all")


def test_shards_whose_images_differ(tmp_path: Path) -> None:
    """One shard in colour."""
    write(tmp_path, GOOD)
    folder = tmp_path / "set"
    (folder / "train.parquet").rename(folder / "train-00000-of-00002.parquet")
    colours = {"image": [png(np.stack([each] * 3, axis=-1)) for each in IMAGES], "label": LABELS}
    pq.write_table(pa.table(colours), folder / "train-00001-of-00002.parquet")
    refused(tmp_path, r"shards of train .* one shape; got \[1, 8, 8\] and \[3, 8, 8\]")


def test_images_by_path(tmp_path: Path) -> None:
    """Files in the folder of the table; one that is not there is named."""
    pointers = [{"bytes": None, "path": f"{row}.png"} for row in range(40)]
    column = pa.array(pointers, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    write(tmp_path, {"image": column, "label": LABELS})
    refused(tmp_path, r"Row 0 of .*train\.parquet has the path of an image and no bytes; .* file .*0\.png")
    for row, content in enumerate(PNGS):
        (tmp_path / "set" / f"{row}.png").write_bytes(content)
    load_again = load("set", tmp_path)
    assert np.array_equal(load_again.train_images[:, 0].numpy(), IMAGES)
