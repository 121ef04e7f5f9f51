"""The images of the report: CIFAR-10 where it lies, or digits made as large and as many."""

import io
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from zoo.data.datasets import load
from zoo.errors import DatasetError

SIDE: Final = 32
SUBSTITUTE: Final = "digits32"


def images(data_dir: Path | None, scratch: Path, train: int, test: int) -> tuple[str, Path]:
    """Name of a set of 32x32 images in colour, and the folder that holds it."""
    try:
        load("cifar10", data_dir)
    except DatasetError:  # it is not there, or not whole
        made = {"train": train, "test": test}
        for part, (name, count) in enumerate(made.items()):
            _write(scratch / SUBSTITUTE / f"{name}.parquet", *enlarged(count, seed=part, test=name == "test"))
        return SUBSTITUTE, scratch
    if data_dir is None:
        raise ValueError("CIFAR-10 was found without a folder.")
    return "cifar10", data_dir


def enlarged(count: int, seed: int, *, test: bool) -> tuple[Tensor, Tensor]:
    """Digits [count, 3, 32, 32] as uint8, each in a random colour and moved by up to 4 pixels, and labels."""
    draw = torch.Generator().manual_seed(seed)
    digits = load("digits", None)
    source, labels = (digits.test_images, digits.test_labels) if test else (digits.train_images, digits.train_labels)
    chosen = torch.randint(len(labels), (count,), generator=draw)
    grey = source[chosen].float()
    grey = grey / grey.amax()
    large = functional.interpolate(grey, size=(SIDE, SIDE), mode="bilinear")
    colour, ground = torch.rand((2, count, 3, 1, 1), generator=draw)
    mixed = ground * 0.3 + large * (0.4 + 0.6 * colour - ground * 0.3)
    shifts = torch.randint(-4, 5, (count, 2), generator=draw)
    moved = torch.stack([one.roll(tuple(by), (1, 2)) for one, by in zip(mixed, shifts.tolist(), strict=True)])
    return (moved.clamp(0, 1) * 255).round().to(torch.uint8), labels[chosen]


def _write(path: Path, pixels: Tensor, labels: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = []
    for image in pixels.permute(0, 2, 3, 1).numpy():
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="png", compress_level=1)
        encoded.append({"bytes": buffer.getvalue(), "path": None})
    pq.write_table(pa.table({"image": encoded, "label": labels.tolist()}), path)
