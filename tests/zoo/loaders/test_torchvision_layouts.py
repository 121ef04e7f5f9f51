"""Data sets where torchvision writes them."""

import gzip
import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

import zoo.models.vision_stack  # noqa: F401  makes torchvision importable beside a CPU build of torch

# isort: split
from torchvision import datasets as torchvision_datasets

from zoo.data.datasets import load
from zoo.errors import DatasetError
from zoo.loaders.torchvision_layouts import LAYOUTS

DIGITS = load("digits")
IMAGES, LABELS = DIGITS.train_images[:200, 0].numpy(), DIGITS.train_labels[:200].numpy()
BIG = np.kron(IMAGES, np.ones((1, 4, 4), np.uint8))  # [200, 32, 32]
COLOUR = np.stack([BIG, 255 - BIG, BIG // 2], axis=1)  # [200, 3, 32, 32]
TEST = slice(0, 60)


def write_idx(file: Path, values: np.ndarray[Any, Any]) -> None:
    """The format of MNIST: zero, zero, type 8 for bytes, number of dimensions, each big-endian, then the bytes."""
    header = bytes([0, 0, 8, values.ndim]) + b"".join(int(size).to_bytes(4, "big") for size in values.shape)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(header + values.astype(np.uint8).tobytes())


def write_mnist(root: Path, folder: str) -> Path:
    """The four files that torchvision unpacks, here 8x8."""
    raw = root / folder / "raw"
    for half, rows in (("train", slice(None)), ("t10k", TEST)):
        write_idx(raw / f"{half}-images-idx3-ubyte", IMAGES[rows])
        write_idx(raw / f"{half}-labels-idx1-ubyte", LABELS[rows])
    return raw


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "kmnist"])
def test_the_family_of_mnist(name: str, tmp_path: Path) -> None:
    """Grey images, every byte."""
    write_mnist(tmp_path, LAYOUTS[name].loader)
    read = load(name, tmp_path)
    assert np.array_equal(read.train_images.numpy(), IMAGES[:, None])
    assert np.array_equal(read.test_images.numpy(), IMAGES[TEST, None])
    assert np.array_equal(read.train_labels.numpy(), LABELS)
    assert np.array_equal(read.test_labels.numpy(), LABELS[TEST])
    assert (read.name, read.num_classes) == (name, 10)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "packed", "fewer labels", "label 10"])
def test_damaged_mnist(damage: str, tmp_path: Path) -> None:
    """Whatever torchvision's reader makes of it, a DatasetError comes out."""
    raw = write_mnist(tmp_path, "MNIST")
    images, labels = raw / "train-images-idx3-ubyte", raw / "train-labels-idx1-ubyte"
    if damage == "missing":
        images.unlink()
    elif damage == "empty":
        images.write_bytes(b"")
    elif damage == "cut":
        images.write_bytes(images.read_bytes()[:1000])
    elif damage == "packed":
        images.write_bytes(gzip.compress(images.read_bytes()))
    elif damage == "fewer labels":
        write_idx(labels, LABELS[:-1])
    else:
        write_idx(labels, LABELS + 1)
    expected = {
        "fewer labels": r"must hold a label for each image; got 200 images and 199 labels",
        "label 10": r"must lie in 0 to 9; got 10 in row",
    }
    with pytest.raises(
        DatasetError,
        match=expected.get(damage, r"The train half of MNIST in .* Fetch it again: gapbench download mnist --data-dir"),
    ):
        load("mnist", tmp_path)


def write_cifar(root: Path, name: str) -> list[tuple[str, str]]:
    """Pickled batches as torchvision unpacks them; returns each file and its MD5."""
    loader = getattr(torchvision_datasets, LAYOUTS[name].loader)
    folder = root / loader.base_folder
    folder.mkdir()
    train = [file for file, _ in loader.train_list]
    key = "labels" if name == "cifar10" else "fine_labels"
    contents: dict[str, dict[str, Any]] = {loader.meta["filename"]: {loader.meta["key"]: [str(k) for k in range(100)]}}
    for file, rows in [*zip(train, np.array_split(np.arange(200), len(train)), strict=True), ("test", np.arange(60))]:
        place = loader.test_list[0][0] if file == "test" else file
        contents[place] = {"data": COLOUR[rows].reshape(len(rows), -1), key: LABELS[rows].tolist()}
    sums = []
    for file, content in contents.items():
        (folder / file).write_bytes(pickle.dumps(content))
        sums.append((file, hashlib.md5((folder / file).read_bytes(), usedforsecurity=False).hexdigest()))
    return sums


def test_cifar10_as_torchvision_unpacks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five batches of training images, channels first, once the checksums are those of the files here."""
    sums = dict(write_cifar(tmp_path, "cifar10"))
    loader = torchvision_datasets.CIFAR10
    for which in ("train_list", "test_list"):
        monkeypatch.setattr(loader, which, [[file, sums[file]] for file, _ in getattr(loader, which)])
    monkeypatch.setattr(loader, "meta", {**loader.meta, "md5": sums[loader.meta["filename"]]})
    read = load("cifar10", tmp_path)
    assert np.array_equal(read.train_images.numpy(), COLOUR)
    assert read.train_images.is_contiguous()
    assert np.array_equal(read.test_images.numpy(), COLOUR[TEST])
    assert np.array_equal(read.train_labels.numpy(), LABELS)
    assert np.array_equal(read.test_labels.numpy(), LABELS[TEST])


def test_svhn_as_torchvision_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images come last in the file, and the digit 0 is called 10 there."""
    split_list = dict(torchvision_datasets.SVHN.split_list)
    for half, rows in (("train", slice(None)), ("test", TEST)):
        file = tmp_path / f"{half}_32x32.mat"
        labels = np.where(LABELS[rows] == 0, 10, LABELS[rows]).astype(np.uint8)[:, None]
        scipy.io.savemat(file, {"X": COLOUR[rows].transpose(2, 3, 1, 0), "y": labels})
        digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        split_list[half] = [split_list[half][0], file.name, digest]
    monkeypatch.setattr(torchvision_datasets.SVHN, "split_list", split_list)
    read = load("svhn", tmp_path)
    assert np.array_equal(read.train_images.numpy(), COLOUR)
    assert np.array_equal(read.test_labels.numpy(), LABELS[TEST])


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_files_of_another_checksum_are_refused(name: str, tmp_path: Path) -> None:
    """A pickle that is not torchvision's own is never opened."""
    write_cifar(tmp_path, name)
    with pytest.raises(DatasetError, match=rf"The train half of {LAYOUTS[name].loader} in .* not found or corrupted"):
        load(name, tmp_path)


def test_marks_and_loaders_are_torchvisions() -> None:
    """Each layout names a class that exists and a place that this class reads."""
    for name, layout in LAYOUTS.items():
        loader = getattr(torchvision_datasets, layout.loader)
        if name.startswith("cifar"):
            assert layout.mark == loader.base_folder
        elif name == "svhn":
            assert layout.mark == loader.split_list["train"][1]
        else:
            assert layout.mark == f"{loader.__name__}/raw"
            assert len(loader.classes) == layout.num_classes
