"""The figure of docs/corruptions.md: `python -m zoo.corruptions.figure` draws it anew."""

from pathlib import Path
from typing import Final

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from zoo.corruptions.common import COMMON_CORRUPTIONS, SEVERITIES, CommonCorruption, commonly_corrupted
from zoo.datasets import load
from zoo.seeds import generator

FIGURE: Final = Path(__file__).parents[2] / "docs" / "corruptions.png"
SHOWN: Final = (3, 8)  # a three and an eight, side by side
SCALE: Final = 4  # screen pixels a pixel
GAP: Final = 6
LEFT, TOP = 130, 24  # room for words
BLOCKS: Final = 2  # columns of corruptions


def digits() -> Tensor:
    """The first test image of each shown class, uint8 [2, 1, 8, 8]."""
    images = load("digits")
    first = [int((images.test_labels == label).nonzero()[0]) for label in SHOWN]
    return images.test_images[first]


def panel(name: CommonCorruption, images: Tensor) -> Tensor:
    """Images [n, 1, h, w] as they are and at severities 1 to 5: uint8 [6, n, 1, h, w]."""
    each = [images, *(commonly_corrupted(images, name, severity, generator("figure", name)) for severity in SEVERITIES)]
    return torch.stack(each)


def figure() -> Image.Image:
    """A row for each corruption, a column for each severity, the original first."""
    images = digits()
    n, _, h, w = images.shape
    cell, row = n * w * SCALE + GAP, h * SCALE + GAP
    rows = -(-len(COMMON_CORRUPTIONS) // BLOCKS)
    block = LEFT + (len(SEVERITIES) + 1) * cell
    canvas = Image.new("L", (BLOCKS * block, TOP + rows * row), 255)
    draw = ImageDraw.Draw(canvas)
    for index, name in enumerate(COMMON_CORRUPTIONS):
        x, y = index // rows * block, TOP + index % rows * row
        draw.text((x + GAP, y + row // 3), name, fill=0)
        for severity, pair in enumerate(panel(name, images)):
            draw.text((x + LEFT + severity * cell, GAP), str(severity) if severity else "original", fill=0)
            flat = torch.cat(list(pair[:, 0]), dim=1).numpy()
            size = (flat.shape[1] * SCALE, flat.shape[0] * SCALE)
            canvas.paste(Image.fromarray(flat).resize(size, Image.Resampling.NEAREST), (x + LEFT + severity * cell, y))
    return canvas


if __name__ == "__main__":
    figure().save(FIGURE, optimize=True)
