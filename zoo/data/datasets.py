"""Load data sets by name: the bundled digits, and those in a folder of data sets."""

import functools
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from zoo.data.image_set import ImageSet
from zoo.data.subsets import stratified_subset
from zoo.data.synthetic import EXAMPLES, is_synthetic, load_synthetic
from zoo.errors import DatasetError, UnknownDatasetError, suggestion
from zoo.ieee import total

__all__ = [
    "DATASETS",
    "ImageSet",
    "datasets_in",
    "download",
    "load",
    "pixel_moments",
    "pixel_statistics",
    "stratified_subset",
]

DATASETS: Final = {
    "digits": "scikit-learn's handwritten digits: 1,297 + 500 grey images of 8x8, 10 classes; in the box",
    "digits400": "the same images, 400 to train on and 1,397 to test; in the box",
}

FLAT: Final = 1e-3  # a channel whose standard deviation is a thousandth of a grey level is constant up to rounding
CHUNK: Final = 1024  # images at a time: bounds memory


def load(name: str, data_dir: Path | None = None) -> ImageSet:
    """Load a data set; it is read once a process.

    The names of `DATASETS` are always the bundled ones, and those such as `teacher:dim=200` are drawn, see
    `zoo.data.synthetic`. Any other name must lie in `data_dir`: as NAME/train.parquet
    and NAME/test.parquet, as image folders NAME/{train,test}/CLASS/*, or where torchvision writes it.

    Raises:
        UnknownDatasetError: no such name, or no folder to look in.
        DatasetError: the folder does not exist, or the files cannot be used.
    """
    return _load_once(name, None if data_dir is None else data_dir.resolve())


@functools.cache
def _load_once(name: str, data_dir: Path | None) -> ImageSet:
    if name in DATASETS:
        from zoo.loaders.digits import load_digits

        return load_digits(name)
    if is_synthetic(name):
        return load_synthetic(name)
    from zoo.loaders.torchvision_layouts import LAYOUTS, fetching

    if data_dir is None:
        hint = (
            f" To download it: {fetching(name, 'DIR')}."
            if name in LAYOUTS
            else _similar(name, DATASETS, EXAMPLES, LAYOUTS)
        )
        raise UnknownDatasetError(
            f"{name!r} is not bundled, as {' and '.join(DATASETS)} are. Pass its folder with --data-dir or set "
            f"GAPBENCH_DATA.{hint}"
        )
    found = datasets_in(data_dir)
    if name not in found and name in LAYOUTS:
        raise UnknownDatasetError(
            f"{name!r} is not in {data_dir}: neither {name}/train.parquet and {name}/test.parquet, nor image folders, "
            f"nor {LAYOUTS[name].mark} as torchvision writes it. To download it: {fetching(name, data_dir)}."
        )
    if name not in found:
        listed = ", ".join([*DATASETS, *found])
        similar = _similar(name, DATASETS, EXAMPLES, found, LAYOUTS)
        raise UnknownDatasetError(
            f"No data set is called {name!r}.{similar} Available with {data_dir}: "
            f"{listed}. To add one, put NAME/train.parquet and NAME/test.parquet there, or image folders "
            f"NAME/train/CLASS and NAME/test/CLASS.{_one_level_deeper(name, data_dir)}"
        )
    return _LOADERS[found[name]](name, data_dir)


def download(name: str, data_dir: Path) -> bool:
    """Fetch one of torchvision's data sets into a folder of data sets; whether anything had to be fetched.

    Raises:
        UnknownDatasetError: it is none of those that can be fetched.
        DatasetError: it cannot be fetched or written; the folder is left as it was.
    """
    from zoo.loaders.downloading import download_torchvision
    from zoo.loaders.torchvision_layouts import LAYOUTS

    if name in DATASETS or (data_dir.is_dir() and datasets_in(data_dir).get(name, "torchvision") != "torchvision"):
        return False
    if name not in LAYOUTS:
        raise UnknownDatasetError(
            f"Only {', '.join(LAYOUTS)} can be downloaded; got {name!r}.{_similar(name, LAYOUTS)}"
        )
    return download_torchvision(name, data_dir)


def datasets_in(data_dir: Path) -> dict[str, str]:
    """Name and layout of each data set in a folder, in alphabetical order; nothing is read yet.

    Raises:
        DatasetError: there is no such folder.
    """
    if not data_dir.is_dir():
        raise DatasetError(
            f"The folder of data sets must exist; got {data_dir}. Give another with --data-dir or GAPBENCH_DATA."
        )
    from zoo.loaders.halves import HALVES, find_folder, find_parquet
    from zoo.loaders.torchvision_layouts import LAYOUTS

    found = {name: "torchvision" for name, layout in LAYOUTS.items() if (data_dir / layout.mark).exists()}
    for folder in (path for path in data_dir.iterdir() if path.is_dir()):
        if any(find_folder(folder, half) for half in HALVES):
            found[folder.name] = "image folders"
        if any(find_parquet(folder, half) for half in HALVES):
            found[folder.name] = "Parquet files"
    return dict(sorted(found.items()))


def _load_parquet(name: str, data_dir: Path) -> ImageSet:
    from zoo.loaders.parquet import load_parquet

    return load_parquet(name, data_dir / name)


def _load_folders(name: str, data_dir: Path) -> ImageSet:
    from zoo.loaders.folders import load_folders

    return load_folders(name, data_dir / name)


def _load_torchvision(name: str, data_dir: Path) -> ImageSet:
    from zoo.loaders.torchvision_layouts import load_torchvision

    return load_torchvision(name, data_dir)


_LOADERS: Final[dict[str, Callable[[str, Path], ImageSet]]] = {
    "Parquet files": _load_parquet,
    "image folders": _load_folders,
    "torchvision": _load_torchvision,
}


def _one_level_deeper(name: str, data_dir: Path) -> str:
    """A hint for a set that was unpacked into a folder of its name."""
    from zoo.loaders.halves import HALVES, find_folder, find_parquet

    folder = data_dir / name
    inner = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    deeper = next((path for path in inner if any(find_folder(path, h) or find_parquet(path, h) for h in HALVES)), None)
    return "" if deeper is None else f" {deeper} looks like one: pass --data-dir {folder} --dataset {deeper.name}."


def _similar(name: str, *known: Iterable[str]) -> str:
    found = suggestion(name, itertools.chain(*known), otherwise="")
    return f" {found}" if found else ""


def pixel_moments(images: Tensor) -> tuple[Tensor, Tensor]:
    r"""Mean [c] and standard deviation [c] of each channel over all pixels of all images [n, c, h, w], float64.

    .. math:: \mu = \frac{1}{N} \sum x, \qquad \sigma = \sqrt{\frac{1}{N} \sum x^2 - \mu^2}, \qquad N = n h w

    The divisor is N, not N - 1. Sums of bytes are exact in float64: permuting pixels or images changes neither result.
    Other numbers are summed in a fixed order, see `zoo.ieee.total`.
    Unit: that of the images, grey levels of 0 to 255.
    """
    sums = torch.zeros(images.shape[1], dtype=torch.float64)
    squares = torch.zeros_like(sums)
    for chunk in images.split(CHUNK):
        values = chunk.double()
        sums += total(total(values.flatten(2)).T)
        squares += total(total((values * values).flatten(2)).T)
    count = images.numel() / images.shape[1]
    mean = sums / count
    return mean, (squares / count - mean * mean).clamp(min=0).sqrt()


def pixel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [c] and scale [c] that normalise images [n, c, h, w] as (x - mean) / scale, float32.

    These are `pixel_moments`, save that a constant channel gets the scale 1 and so becomes zero.
    """
    mean, std = pixel_moments(images)
    return mean.float(), torch.where(std < FLAT, 1.0, std).float()
