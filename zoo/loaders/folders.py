"""Read image data sets from folders: NAME/train/CLASS/* and NAME/test/CLASS/*."""

from pathlib import Path
from typing import Final

import torch

from zoo.data.image_set import ImageSet, Split, assemble
from zoo.errors import DatasetError
from zoo.loaders.decoding import decode

SUFFIXES: Final = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})


def load_folders(name: str, folder: Path) -> ImageSet:
    """Read `folder`/train and `folder`/test, a folder of images for each class; classes are numbered by name.

    Images follow one another by class and file name. Files with another suffix than that of an image are passed over.

    Raises:
        DatasetError: a half or the images of a class are missing, a class occurs in the test half alone, or an image
            cannot be used.
    """
    for half in ("train", "test"):
        if not (folder / half).is_dir():
            raise DatasetError(f"{folder} must hold the folders train and test; {half} is missing.")
    classes = {path.name: number for number, path in enumerate(_folders_in(folder / "train"))}
    foreign = [path for path in _folders_in(folder / "test") if path.name not in classes]
    if foreign:
        raise DatasetError(
            f"Each class in {folder / 'test'} must have training images; got none for {foreign[0].name!r}. "
            f"Training classes: {', '.join(classes)}."
        )
    train, test = (_read(folder / half, classes) for half in ("train", "test"))
    return assemble(name, train, test, len(classes) or None)


def _read(half: Path, classes: dict[str, int]) -> Split:
    files, labels = [], []
    for folder in _folders_in(half):
        own = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
        if not own:
            raise DatasetError(f"{folder} must hold at least one image ({', '.join(sorted(SUFFIXES))}); got none.")
        files += own
        labels += [classes[folder.name]] * len(own)
    images = decode(files, lambda row: str(files[row]))
    return Split(where=str(half), images=images, labels=torch.tensor(labels, dtype=torch.int64))


def _folders_in(half: Path) -> list[Path]:
    return sorted(path for path in half.iterdir() if path.is_dir() and not path.name.startswith("."))
