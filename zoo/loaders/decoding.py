"""Decode images to one tensor of bytes."""

import struct
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo.errors import DatasetError

GREY: Final = frozenset({"1", "L"})
COLOUR: Final = frozenset({"RGB", "P"})

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


def decode(sources: Sequence[bytes | Path], name: Callable[[int], str]) -> Tensor:
    """Decode images of one size: grey ones to [n, 1, h, w], colour or mixed ones to [n, 3, h, w], uint8.

    One by one: at 32x32 the interpreter's lock is held nearly all the time, and 2 to 8 threads on two cores took 1.7
    times as long as none.

    Args:
        sources: encoded images, or the files that hold them.
        name: says in a message which image it was, for example "row 7 of train.parquet".

    Raises:
        DatasetError: an image that cannot be decoded, that is neither grey nor RGB with 8 bits, or of another size
            than the first.
    """
    decoded = [_decode_one(source, row, name) for row, source in enumerate(sources)]
    if not decoded:
        return torch.empty(0, 1, 1, 1, dtype=torch.uint8)
    height, width = decoded[0].shape[:2]
    channels = max(image.shape[2] for image in decoded)
    images = np.empty((len(decoded), height, width, channels), dtype=np.uint8)
    for row, image in enumerate(decoded):
        if image.shape[:2] != (height, width):
            raise DatasetError(
                f"Images must be of one size, {width}x{height} as in {name(0)}; got {image.shape[1]}x{image.shape[0]} "
                f"in {name(row)}. Resize them to one size beforehand."
            )
        images[row] = image  # a grey image among coloured ones fills each channel
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def _decode_one(source: bytes | Path, row: int, name: Callable[[int], str]) -> Pixels:
    """One image as [h, w, 1] if grey, [h, w, 3] if in colour."""
    try:
        with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
            if image.mode in GREY:
                return np.asarray(image.convert("L"))[:, :, None]
            if image.mode in COLOUR:
                return np.asarray(image.convert("RGB"))
            mode = image.mode
    # What Pillow's decoders raise on bytes that are no image or a broken one.
    except (OSError, SyntaxError, ValueError, TypeError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise DatasetError(
            f"The image in {name(row)} must be one that Pillow can decode; got: {error}. Replace it or leave it out."
        ) from error
    raise DatasetError(
        f"The image in {name(row)} must be grey or RGB with 8 bits a channel; got mode {mode!r}. Convert it beforehand."
    )
