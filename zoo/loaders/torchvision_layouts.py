"""Read data sets that torchvision has written, through torchvision, which verifies some of their checksums."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from zoo.data.image_set import ImageSet, Split, assemble
from zoo.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Layout:
    """One of torchvision's data sets.

    Attributes:
        loader: name of the class in `torchvision.datasets`.
        mark: file or folder in the folder of data sets that says it is there.
        num_classes: k.
    """

    loader: str
    mark: str
    num_classes: int = 10


LAYOUTS: Final = {
    "mnist": Layout("MNIST", "MNIST/raw"),
    "fashion_mnist": Layout("FashionMNIST", "FashionMNIST/raw"),
    "kmnist": Layout("KMNIST", "KMNIST/raw"),
    "cifar10": Layout("CIFAR10", "cifar-10-batches-py"),
    "cifar100": Layout("CIFAR100", "cifar-100-python", num_classes=100),
    "svhn": Layout("SVHN", "train_32x32.mat"),
}


def load_torchvision(name: str, data_dir: Path) -> ImageSet:
    """Read one of `LAYOUTS`; nothing is downloaded.

    Raises:
        DatasetError: files are missing, not those that torchvision knows by their checksum, or cannot be read.
    """
    train, test = (_read(name, data_dir, half) for half in ("train", "test"))
    return assemble(name, train, test, LAYOUTS[name].num_classes)


def opened(layout: Layout, data_dir: Path, half: str, *, download: bool = False) -> Any:
    """One half of a data set as torchvision's own class, which downloads what is missing if it is told to."""
    import zoo.models.vision_stack  # noqa: F401, I001  makes torchvision importable beside a CPU build of torch
    from torchvision import datasets

    which: dict[str, Any] = {"split": half} if layout.loader == "SVHN" else {"train": half == "train"}
    return getattr(datasets, layout.loader)(data_dir, download=download, **which)


def _read(name: str, data_dir: Path, half: str) -> Split:
    layout = LAYOUTS[name]
    try:
        read = opened(layout, data_dir, half)
    # Torchvision lets through whatever its readers meet in a broken file, a failed assert among it.
    except (RuntimeError, ValueError, LookupError, TypeError, AssertionError, OSError) as error:
        raise DatasetError(
            f"The {half} half of {layout.loader} in {data_dir} must be as torchvision downloads it; reading it says: "
            f"{error or type(error).__name__}. Fetch it again: {fetching(name, data_dir)}."
        ) from error
    labels = torch.as_tensor(read.labels if layout.loader == "SVHN" else read.targets)
    return Split(where=f"{data_dir / layout.mark} ({half})", images=_channels_first(read.data), labels=labels.long())


def fetching(name: str, data_dir: Path | str) -> str:
    """The command that fetches a data set."""
    return f"gapbench download {name} --data-dir {shlex.quote(str(data_dir))}"


def _channels_first(data: Any) -> torch.Tensor:
    """Images [n, h, w], [n, h, w, 3] or [n, 3, h, w] as [n, c, h, w]."""
    images = torch.as_tensor(data)
    if images.dim() == 3:  # noqa: PLR2004  grey
        return images.unsqueeze(1)
    return images if images.shape[1] == 3 else images.permute(0, 3, 1, 2).contiguous()  # noqa: PLR2004  colours
