"""Data sets by name, and the statistics of their pixels."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from zoo.data.datasets import (
    DATASETS,
    datasets_in,
    load,
    pixel_moments,
    pixel_statistics,
)
from zoo.errors import DatasetError, UnknownDatasetError


@pytest.mark.parametrize(("name", "train", "test"), [("digits", 1297, 500), ("digits400", 400, 1397)])
def test_digits_are_those_of_scikit_learn(name: str, train: int, test: int) -> None:
    """Every image once, 16 steps of grey spread over 255, labels with their images."""
    digits, raw = load(name), load_digits()
    assert digits.train_images.shape == (train, 1, 8, 8)
    assert digits.test_images.shape == (test, 1, 8, 8)
    assert digits.train_images.dtype == torch.uint8
    assert digits.num_classes == 10
    expected = sorted(
        (tuple(round(v * 255 / 16) for v in image.ravel()), int(label))
        for image, label in zip(raw.images, raw.target, strict=True)
    )
    images, labels = torch.cat([digits.train_images, digits.test_images]), [*digits.train_labels, *digits.test_labels]
    got = sorted((tuple(image.flatten().tolist()), int(label)) for image, label in zip(images, labels, strict=True))
    assert got == expected


@pytest.mark.parametrize(("name", "test"), [("digits", 500), ("digits400", 1397)])
def test_digits_are_split_by_class(name: str, test: int) -> None:
    """Each class has its share of the test half, to within one image."""
    digits = load(name)
    counts = np.bincount(load_digits().target)
    assert np.abs(digits.test_labels.bincount().numpy() - counts * test / 1797).max() < 1
    assert np.array_equal((digits.train_labels.bincount() + digits.test_labels.bincount()).numpy(), counts)


@pytest.mark.parametrize(("name", "digest"), [("digits", "2065ce5be41a4dc5"), ("digits400", "1032b8531054a0be")])
def test_digits_are_pinned(name: str, digest: str) -> None:
    """If this changes, every stored run on the digits was trained on another split."""
    digits = load(name)
    parts = (digits.train_images, digits.train_labels, digits.test_images, digits.test_labels)
    assert hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()[:16] == digest


def test_a_set_is_read_once_a_process() -> None:
    """The same object, whatever the folder of other sets is called."""
    assert load("digits") is load("digits")


def test_cifar10(data_dir: Path) -> None:
    """Shape, counts, balance, and the mean colours that the literature gives: 0.4914, 0.4822, 0.4465 of 255."""
    assert datasets_in(data_dir)["cifar10"] == "Parquet files"
    cifar = load("cifar10", data_dir)
    assert cifar.train_images.shape == (50_000, 3, 32, 32)
    assert cifar.test_images.shape == (10_000, 3, 32, 32)
    assert cifar.train_images.dtype == torch.uint8
    assert cifar.train_labels.bincount().tolist() == [5_000] * 10
    assert cifar.test_labels.bincount().tolist() == [1_000] * 10
    mean, std = pixel_statistics(cifar.train_images)
    assert (mean / 255).tolist() == pytest.approx([0.4914, 0.4822, 0.4465], abs=5e-4)
    assert (std / 255).tolist() == pytest.approx([0.2470, 0.2435, 0.2616], abs=3e-3)  # JPEG smooths a little
    assert load("cifar10", data_dir) is cifar


def test_unknown_names_get_suggestions(tmp_path: Path) -> None:
    """And are told what there is."""
    (tmp_path / "flowers" / "train").mkdir(parents=True)
    with pytest.raises(
        UnknownDatasetError, match=r"'flower'\. Did you mean: flowers\? .* digits, digits400, flowers\."
    ):
        load("flower", tmp_path)
    with pytest.raises(UnknownDatasetError, match=r"Pass its folder with --data-dir .*Did you mean: digits"):
        load("digit")
    with pytest.raises(UnknownDatasetError, match=r"'cifar10' is not bundled, as digits and digits400 are.*--data-dir"):
        load("cifar10")
    assert set(DATASETS) == {"digits", "digits400"}


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    """Though not for the set in the box."""
    with pytest.raises(DatasetError, match=r"The folder of data sets must exist; got .*nowhere.* GAPBENCH_DATA"):
        load("cifar10", tmp_path / "nowhere")
    assert load("digits", tmp_path / "nowhere").name == "digits"


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """A name is looked up among those found, not joined to a path."""
    (tmp_path / "outside" / "train").mkdir(parents=True)
    (tmp_path / "inside").mkdir()
    with pytest.raises(UnknownDatasetError):
        load("../outside", tmp_path / "inside")


def test_layouts_are_told_apart(tmp_path: Path) -> None:
    """By what lies there; other files and folders are no data sets, and Parquet files come before all else."""
    for folder in ("a/train", "b/test", "c/other", "MNIST/raw", "cifar-10-batches-py", "kmnist/train", "both/train"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("a/train.parquet", "cifar10.parquet", "train_32x32.mat", "both/train.parquet"):
        (tmp_path / file).touch()
    assert datasets_in(tmp_path) == {
        "a": "Parquet files",
        "b": "image folders",
        "both": "Parquet files",
        "cifar10": "torchvision",
        "kmnist": "image folders",
        "mnist": "torchvision",
        "svhn": "torchvision",
    }


@given(st.integers(1, 20), st.integers(1, 3), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_moments_are_those_of_numpy(n: int, c: int, side: int, seed: int) -> None:
    """Per channel, in two passes and in float64, for bytes and for floats."""
    values = np.random.default_rng(seed).integers(0, 256, (n, c, side, side), dtype=np.uint8)
    for images in (torch.from_numpy(values), torch.from_numpy(values).float() * 0.7):
        mean, std = pixel_moments(images)
        flat = images.double().numpy().transpose(1, 0, 2, 3).reshape(c, -1)
        assert mean.tolist() == pytest.approx(flat.mean(axis=1).tolist(), rel=1e-12, abs=1e-12)
        assert std.tolist() == pytest.approx(flat.std(axis=1).tolist(), rel=1e-6, abs=1e-5)


def test_moments_span_more_images_than_a_chunk() -> None:
    """Half the images are 0 and half 200: mean 100, standard deviation 100, and a half more of a single image."""
    images = torch.zeros(3000, 1, 2, 2, dtype=torch.uint8)
    images[1500:] = 200
    assert [float(value) for value in pixel_moments(images)] == [100.0, 100.0]


@pytest.mark.parametrize("value", [0.0, 255.0, 0.1])
def test_a_constant_channel_becomes_zero(value: float) -> None:
    """Its scale is 1, also where rounding leaves a trace of variance; its moments are told as they are."""
    images = torch.stack([torch.full((50, 7, 7), value), torch.arange(49.0).view(1, 7, 7).expand(50, 7, 7)], dim=1)
    mean, scale = pixel_statistics(images)
    assert float(scale[0]) == 1
    assert float(scale[1]) == pytest.approx(((49**2 - 1) / 12) ** 0.5)
    assert float(((images[:, 0] - mean[0]) / scale[0]).abs().max()) < 1e-6
    assert float(pixel_moments(images)[1][0]) < 1e-6
