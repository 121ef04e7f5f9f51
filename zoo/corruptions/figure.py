"""Draw the figure of docs/corruptions.md: `python -m zoo.corruptions.figure`."""

from pathlib import Path
from typing import Final

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from zoo.corruptions.common import COMMON_CORRUPTIONS, SEVERITIES, CommonCorruption, apply_common_corruption
from zoo.corruptions.conditions import CORRUPTIONS
from zoo.corruptions.erased import erased_copies
from zoo.corruptions.preparation import prepare
from zoo.corruptions.spec import DataSpec
from zoo.data.datasets import load
from zoo.seeds import generator

FIGURE: Final = Path(__file__).parents[2] / "docs" / "corruptions.png"
SHOWN: Final = (3, 8)  # a three and an eight, side by side
SCALE: Final = 4  # screen pixels a pixel
GAP: Final = 6
LEFT, TOP = 130, 24  # room for words
BLOCKS: Final = 2  # columns of corruptions
NOISE: Final = ((5, 3, 0.3), (8, 3, 0.3))  # the class noise shown
POISON: Final = 0.5  # the share shown; class 0 is its target
ERASED: Final = 0.1

Examples = list[tuple[Tensor, int]]  # images [h, w or 2 w], uint8, with the labels trained on


def digits() -> Tensor:
    """The first test image of each shown class, uint8 [2, 1, 8, 8]."""
    images = load("digits")
    first = [int((images.test_labels == label).nonzero()[0]) for label in SHOWN]
    return images.test_images[first]


def panel(name: CommonCorruption, images: Tensor) -> Tensor:
    """Images [n, 1, h, w] as they are and at severities 1 to 5: uint8 [6, n, 1, h, w]."""
    each = [
        images,
        *(apply_common_corruption(images, name, severity, generator("figure", name)) for severity in SEVERITIES),
    ]
    return torch.stack(each)


def trained(spec: DataSpec) -> Examples:
    """Two training images of each of three classes, one of `NOISE`'s among them, as a network would get them."""
    labels = load("digits").train_labels
    rows = [int(row) for label in (*SHOWN, 5) for row in (labels == label).nonzero()[:2]]
    data = prepare(load("digits"), spec)
    images = data.train_images[rows].clamp(0, 255).round().to(torch.uint8)
    return [
        (torch.cat(list(image), dim=1), int(data.train_labels[row])) for image, row in zip(images, rows, strict=True)
    ]


def erased() -> Examples:
    """Three copies of each shown digit with a tenth erased, under random labels."""
    copies = erased_copies(digits(), 3, ERASED, generator("figure", "erased"))
    labels = copies.labels(10, generator("figure", "labels")).tolist()
    return [(image[0], label) for image, label in zip(copies.tensor(), labels, strict=True)]


def of_training() -> dict[str, Examples]:
    """Collect the other changes to training data, by name, six examples each."""
    conditions: dict[str, Examples] = {
        name: trained(DataSpec(corruption=name, corruption_p=0.5 if name == "partial_labels" else 0.0))
        for name in CORRUPTIONS
    }
    noisy, pairs = trained(DataSpec(class_noise=NOISE)), trained(DataSpec(pairs=1))
    poison = trained(DataSpec(poison=POISON))
    return {**conditions, "class_noise": noisy, "poison": poison, "pairs": pairs, "erased copies": erased()}


def figure() -> Image.Image:
    """Common corruptions, a row each, a column for each severity, the original first; then training examples.

    The number beside a training image is its label, what stands beside a pair is the second image.
    """
    images = digits()
    n, _, h, w = images.shape
    cell, row = n * w * SCALE + GAP, h * SCALE + GAP
    rows, others = -(-len(COMMON_CORRUPTIONS) // BLOCKS), of_training()
    block, below = LEFT + (len(SEVERITIES) + 1) * cell, TOP + rows * row + TOP
    canvas = Image.new("L", (BLOCKS * block, below + -(-len(others) // BLOCKS) * row), 255)
    draw = ImageDraw.Draw(canvas)
    for index, name in enumerate(COMMON_CORRUPTIONS):
        x, y = index // rows * block, TOP + index % rows * row
        draw.text((x + GAP, y + row // 3), name, fill=0)
        for severity, pair in enumerate(panel(name, images)):
            draw.text((x + LEFT + severity * cell, GAP), str(severity) if severity else "original", fill=0)
            _paste(canvas, torch.cat(list(pair[:, 0]), dim=1), x + LEFT + severity * cell, y)
    for index, (title, examples) in enumerate(others.items()):
        x, y = index % BLOCKS * block, below + index // BLOCKS * row
        draw.text((x + GAP, y + row // 3), title, fill=0)
        for column, (image, label) in enumerate(examples):
            left = x + LEFT + column * cell
            draw.text((left + w * SCALE + GAP, y + row // 3), str(label), fill=0)
            _paste(canvas, image, left, y)
    return canvas


def _paste(canvas: Image.Image, image: Tensor, x: int, y: int) -> None:
    height, width = image.shape
    shown = Image.fromarray(image.numpy()).resize((width * SCALE, height * SCALE), Image.Resampling.NEAREST)
    canvas.paste(shown, (x, y))


if __name__ == "__main__":
    figure().save(FIGURE, optimize=True)
