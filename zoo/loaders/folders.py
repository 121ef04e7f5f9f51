"""Read image data sets from folders: NAME/train/CLASS/* and NAME/test/CLASS/*, and those of Tiny ImageNet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch

from zoo.data.image_set import ImageSet, Split, assemble
from zoo.errors import DatasetError
from zoo.loaders.decoding import decode
from zoo.loaders.halves import HALVES, Half, find_folder

SUFFIXES: Final = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
TINY_IMAGENET: Final = Path("val") / "val_annotations.txt"  # a line an image: file, class and bounding box


def load_folders(name: str, folder: Path) -> ImageSet:
    """Read `folder`/train and `folder`/test, a folder of images for each class; classes are numbered by name.

    A folder validation, valid or val stands in for a missing folder test. Images of a class follow one another by path,
    also those in folders within it. Files with another suffix than that of an image are left out. The validation half
    of Tiny ImageNet, whose labels are in a text file, is its test half: its own has no labels.

    Raises:
        DatasetError: a half or the images of a class are missing, a class occurs in the test half alone, or an image
            cannot be used.
    """
    train_folder = _require_folder(folder, "train")
    classes = {path.name: number for number, path in enumerate(_folders_in(train_folder))}
    train = _read(train_folder, classes)
    if (folder / TINY_IMAGENET).is_file():
        test = _read_annotated(folder / TINY_IMAGENET, classes)
    else:
        test_folder = _require_folder(folder, "test")
        _require_known([path.name for path in _folders_in(test_folder)], classes, test_folder)
        test = _read(test_folder, classes)
    return assemble(name, train, test, len(classes) or None)


def _require_folder(folder: Path, half: Half) -> Path:
    found = find_folder(folder, half)
    if found is None:
        instead = f" (or {', '.join(HALVES[half][1:])})" if len(HALVES[half]) > 1 else ""
        raise DatasetError(f"{folder} must hold the folders train and test; {half}{instead} is missing.")
    return found


def _require_known(named: list[str], classes: Mapping[str, int], where: Path) -> None:
    foreign = next((name for name in named if name not in classes), None)
    if foreign is not None:
        raise DatasetError(
            f"Each class in {where} must have training images; got none for {foreign!r}. "
            f"Training classes: {', '.join(classes)}."
        )


def _read(half: Path, classes: Mapping[str, int]) -> Split:
    files: list[Path] = []
    labels: list[int] = []
    for folder in _folders_in(half):
        own = sorted(path for path in folder.rglob("*") if _is_image(path.relative_to(folder)))
        if not own:
            raise DatasetError(f"{folder} must hold at least one image ({', '.join(sorted(SUFFIXES))}); got none.")
        files += own
        labels += [classes[folder.name]] * len(own)
    return _decode(str(half), files, labels)


def _read_annotated(annotations: Path, classes: Mapping[str, int]) -> Split:
    """Read images whose file and class stand in the first two columns of a text file."""
    rows = [line.split("\t") for line in annotations.read_text(encoding="utf-8").splitlines() if line.strip()]
    short = next((number for number, row in enumerate(rows, start=1) if len(row) < 2), None)  # noqa: PLR2004
    if short is not None:
        raise DatasetError(f"Line {short} of {annotations} must have a file and a class, separated by a tab.")
    _require_known([row[1] for row in rows], classes, annotations)
    files = [annotations.parent / "images" / row[0] for row in rows]
    return _decode(str(annotations.parent), files, [classes[row[1]] for row in rows])


def _decode(where: str, files: list[Path], labels: list[int]) -> Split:
    images = decode(files, lambda row: str(files[row]))
    return Split(where=where, images=images, labels=torch.tensor(labels, dtype=torch.int64))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _folders_in(half: Path) -> list[Path]:
    return sorted(path for path in half.iterdir() if path.is_dir() and not path.name.startswith("."))
