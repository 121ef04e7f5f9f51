"""The figure of the docs."""

import numpy as np
from PIL import Image

from zoo.corruptions.common import COMMON_CORRUPTIONS, commonly_corrupted
from zoo.corruptions.figure import FIGURE, SCALE, digits, figure, panel
from zoo.seeds import generator


def test_the_figure_in_the_docs_is_the_one_that_is_drawn() -> None:
    """Of the same size, and small enough to keep; words hang on Pillow's font."""
    with Image.open(FIGURE) as shown:
        assert shown.size == figure().size
    assert FIGURE.stat().st_size < 300_000


def test_a_panel_shows_the_original_and_five_severities() -> None:
    """And the figure shows the panel: the original digits stand in its first cell."""
    images = digits()
    fogged = panel("fog", images)
    assert fogged.shape == (6, 2, 1, 8, 8)
    assert bool((fogged[0] == images).all())
    assert bool((fogged[5] == commonly_corrupted(images, "fog", 5, generator("figure", "fog"))).all())
    pair = np.concatenate([image[0].numpy() for image in images], axis=1).repeat(SCALE, 0).repeat(SCALE, 1)
    height, width = pair.shape
    pixels = np.array(figure())
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (height, width))
    found = [
        (i, j)
        for i, j in zip(*np.nonzero(windows[:, :, 0, 0] == pair[0, 0]), strict=True)
        if (windows[i, j] == pair).all()
    ]
    assert len(found) >= len(COMMON_CORRUPTIONS)
