"""Decoding of images."""

import random
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.data.datasets import load
from zoo.errors import DatasetError
from zoo.loaders.decoding import decode

GREY = load("digits").train_images[:20, 0].numpy()  # [20, 8, 8]
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2], axis=-1)  # [20, 8, 8, 3]


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """The bytes of an image file."""
    buffer = BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def row(index: int) -> str:
    """How these tests call an image."""
    return f"row {index}"


def test_grey_images_keep_one_channel() -> None:
    """Every byte, from bytes."""
    images = decode([encoded(Image.fromarray(image)) for image in GREY], row)
    assert images.dtype == torch.uint8
    assert np.array_equal(images.numpy(), GREY[:, None])


def test_coloured_images_put_channels_first(tmp_path: Path) -> None:
    """Every byte, from files."""
    files = [tmp_path / f"{index}.png" for index in range(len(COLOUR))]
    for file, image in zip(files, COLOUR, strict=True):
        Image.fromarray(image).save(file)
    images = decode(files, row)
    assert images.is_contiguous()
    assert np.array_equal(images.numpy(), COLOUR.transpose(0, 3, 1, 2))


def test_a_grey_image_among_coloured_ones_fills_each_channel() -> None:
    """Photographs are often stored so."""
    for order in ((0, 1), (1, 0)):
        sources = [encoded(Image.fromarray(COLOUR[0])), encoded(Image.fromarray(GREY[0]))]
        images = decode([sources[index] for index in order], row)
        assert np.array_equal(images[order.index(1)].numpy(), np.stack([GREY[0]] * 3))


def test_black_and_white_and_palettes_are_unfolded() -> None:
    """To 0 and 255, and to the colours of the palette."""
    two_level = Image.fromarray(GREY[0] > 100)
    assert two_level.mode == "1"
    assert np.array_equal(decode([encoded(two_level)], row)[0, 0].numpy(), 255 * (GREY[0] > 100))
    palette = Image.fromarray(COLOUR[0] // 128 * 255).quantize(8)
    assert palette.mode == "P"
    assert np.array_equal(decode([encoded(palette)], row)[0].numpy(), (COLOUR[0] // 128 * 255).transpose(2, 0, 1))


def test_no_images_are_no_images() -> None:
    """The caller says what it means."""
    assert len(decode([], row)) == 0


def test_mixed_sizes_are_refused() -> None:
    """Naming the first that differs."""
    wide = encoded(Image.fromarray(GREY[0]).resize((9, 8)))
    with pytest.raises(DatasetError, match=r"one size, 8x8 as in row 0; got 9x8 in row 2\. Resize"):
        decode([encoded(Image.fromarray(GREY[0])), encoded(Image.fromarray(GREY[1])), wide], row)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "CMYK", "I;16"])
def test_other_modes_are_refused(mode: str) -> None:
    """Rather than dropping transparency or half of the bits."""
    kind = "TIFF" if mode == "CMYK" else "PNG"
    image = Image.fromarray(GREY[0].astype(np.uint16)) if mode == "I;16" else Image.fromarray(COLOUR[0]).convert(mode)
    with pytest.raises(DatasetError, match=rf"row 1 must be grey or RGB with 8 bits a channel; got mode '{mode}'"):
        decode([encoded(Image.fromarray(GREY[0])), encoded(image, kind)], row)


@pytest.mark.parametrize("broken", [b"", b"no image at all", encoded(Image.fromarray(GREY[0]))[:60]])
def test_undecodable_bytes_are_refused(broken: bytes) -> None:
    """Empty, foreign and cut short."""
    with pytest.raises(DatasetError, match=r"The image in row 1 must be one that Pillow can decode"):
        decode([encoded(Image.fromarray(GREY[0])), broken], row)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """One that vanishes while the others are read."""
    with pytest.raises(DatasetError, match=r"row 0 must be one that Pillow can decode; got: .*No such file"):
        decode([tmp_path / "gone.png"], row)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "PPM"])
def test_broken_bytes_are_images_or_refused(kind: str) -> None:
    """Whatever is cut or overwritten, nothing but a DatasetError comes out."""
    chance = random.Random(kind)  # noqa: S311  no secrets
    whole = encoded(Image.fromarray(COLOUR[3]), kind)
    refused = 0
    for trial in range(150):
        broken = bytearray(whole)
        if trial % 2:
            broken = broken[: chance.randrange(len(broken))]
        else:
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            assert decode([bytes(broken)], row).dtype == torch.uint8
        except DatasetError:
            refused += 1
    assert refused > 40  # the cut ones, at least
