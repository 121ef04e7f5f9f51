"""Image data sets as folders."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.data.datasets import load
from zoo.errors import DatasetError, UnknownDatasetError

DIGITS = load("digits")
NAMES = ["apple", "Birch", "cedar"]


def write(root: Path) -> Path:
    """Three classes, twelve training images and six test images, under names out of order."""
    for half, images, count in (("train", DIGITS.train_images, 4), ("test", DIGITS.test_images, 2)):
        for place, name in enumerate(NAMES):
            folder = root / "trees" / half / name
            folder.mkdir(parents=True)
            for index in range(count):
                Image.fromarray(images[10 * place + index, 0].numpy()).save(folder / f"{9 - index}.PNG")
    return root


def test_classes_are_numbered_by_name(tmp_path: Path) -> None:
    """Capitals first, as torchvision's ImageFolder has it; images follow file names, other files are passed over."""
    write(tmp_path)
    (tmp_path / "trees" / "train" / "apple" / "notes.txt").write_text("no image")
    (tmp_path / "trees" / "train" / ".cache").mkdir()
    read = load("trees", tmp_path)
    assert read.train_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert read.test_labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert read.num_classes == 3
    expected = [DIGITS.train_images[10 * place + index].numpy() for place in (1, 0, 2) for index in (3, 2, 1, 0)]
    assert np.array_equal(read.train_images.numpy(), np.stack(expected))
    expected = [DIGITS.test_images[10 * place + index].numpy() for place in (1, 0, 2) for index in (1, 0)]
    assert np.array_equal(read.test_images.numpy(), np.stack(expected))


def test_torchvision_reads_the_same(tmp_path: Path) -> None:
    """ImageFolder is the independent reader."""
    import zoo.models.vision_stack  # noqa: F401, I001  before torchvision
    from torchvision.datasets import ImageFolder

    write(tmp_path)
    read, reference = load("trees", tmp_path), ImageFolder(tmp_path / "trees" / "train")
    assert read.train_labels.tolist() == reference.targets
    pixels = np.stack([np.asarray(image)[:, :, 0] for image, _ in reference])
    assert np.array_equal(read.train_images[:, 0].numpy(), pixels)


def refused(root: Path, message: str) -> None:
    """The set is not loaded, and the message says why."""
    with pytest.raises(DatasetError, match=message):
        load("trees", root)


@pytest.mark.parametrize("half", ["train", "test"])
def test_a_missing_half(half: str, tmp_path: Path) -> None:
    """Training images alone are no data set."""
    shutil.rmtree(write(tmp_path) / "trees" / half)
    refused(tmp_path, rf"trees must hold the folders train and test; {half}.* is missing")


def test_a_class_without_images(tmp_path: Path) -> None:
    """An empty folder is a mistake, in either half; so is a half without classes."""
    folder = write(tmp_path) / "trees" / "test" / "cedar"
    for file in folder.iterdir():
        file.rename(file.with_suffix(".txt"))
    refused(tmp_path, r"test/cedar must hold at least one image \(\.bmp, .*\); got none")
    shutil.rmtree(tmp_path / "trees" / "test")
    (tmp_path / "trees" / "test").mkdir()
    refused(tmp_path, r"trees/test must hold at least one image; got none")


def test_a_class_of_the_test_half_alone(tmp_path: Path) -> None:
    """It has nothing to be learned from."""
    root = write(tmp_path)
    (root / "trees" / "train" / "cedar").rename(root / "trees" / "train" / "cedars")
    refused(
        root, r"Each class in .*test must have training images; got none for 'cedar'\. Training .* Birch, apple, cedars"
    )


def test_a_broken_image(tmp_path: Path) -> None:
    """Named by its file."""
    (write(tmp_path) / "trees" / "test" / "apple" / "9.PNG").write_bytes(b"broken")
    refused(tmp_path, r"The image in .*test/apple/9\.PNG must be one that Pillow can decode")


def test_an_image_of_another_size(tmp_path: Path) -> None:
    """Named by its file, beside the first."""
    Image.new("L", (9, 8)).save(write(tmp_path) / "trees" / "train" / "cedar" / "6.PNG")
    refused(tmp_path, r"one size, 8x8 as in .*train/Birch/6\.PNG; got 9x8 in .*train/cedar/6\.PNG")


def test_a_single_class(tmp_path: Path) -> None:
    """There is nothing to tell apart."""
    write(tmp_path)
    for half in ("train", "test"):
        for name in NAMES[1:]:
            shutil.rmtree(tmp_path / "trees" / half / name)
    refused(tmp_path, r"train must hold at least two classes; got 1")


def test_images_in_folders_within_a_class(tmp_path: Path) -> None:
    """As ImageFolder reads them; hidden folders are left out."""
    write(tmp_path)
    for folder in sorted((tmp_path / "trees").glob("*/*")):
        inner = folder / "images"
        inner.mkdir()
        for file in list(folder.glob("*.PNG")):
            file.rename(inner / file.name)
        (folder / ".thumbnails").mkdir()
        shutil.copy(next(inner.iterdir()), folder / ".thumbnails" / "small.png")
    read = load("trees", tmp_path)
    assert read.train_labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert read.test_labels.tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("half", ["validation", "val"])
def test_a_validation_half_stands_in_for_the_test_half(half: str, tmp_path: Path) -> None:
    """Where there is no test half."""
    write(tmp_path)
    (tmp_path / "trees" / "test").rename(tmp_path / "trees" / half)
    assert load("trees", tmp_path).test_labels.tolist() == [0, 0, 1, 1, 2, 2]


def tiny_imagenet(root: Path, rows: str) -> Path:
    """Tiny ImageNet's layout: train/CLASS/images, val/images with a table of labels, test/images without labels."""
    write(root)
    trees = root / "trees"
    shutil.rmtree(trees / "test")
    for half in ("val", "test"):
        (trees / half / "images").mkdir(parents=True)
        for row in range(3):
            Image.fromarray(DIGITS.test_images[row, 0].numpy()).save(trees / half / "images" / f"{half}_{row}.png")
    (trees / "val" / "val_annotations.txt").write_text(rows)
    return root


def test_tiny_imagenet(tmp_path: Path) -> None:
    """Its validation half, labelled by the table, is the test half."""
    rows = "val_1.png\tcedar\t0\t0\t62\t62\nval_0.png\tBirch\t0\t0\t9\t9\n"
    read = load("trees", tiny_imagenet(tmp_path, rows))
    assert read.test_labels.tolist() == [2, 0]
    assert np.array_equal(read.test_images.numpy(), DIGITS.test_images[[1, 0]].numpy())


@pytest.mark.parametrize(
    ("rows", "message"),
    [("val_0.png\toak\n", "got none for 'oak'"), ("val_0.png Birch\n", "Line 1 of .* separated by a tab")],
)
def test_tiny_imagenet_with_a_broken_table(rows: str, message: str, tmp_path: Path) -> None:
    """Each is refused, naming the file."""
    refused(tiny_imagenet(tmp_path, rows), message)


def test_a_set_that_was_unpacked_one_level_deeper(tmp_path: Path) -> None:
    """It is not found, and the message says where it is."""
    write(tmp_path / "trees")
    with pytest.raises(UnknownDatasetError, match=r"pass --data-dir .*trees --dataset trees\."):
        load("trees", tmp_path)
