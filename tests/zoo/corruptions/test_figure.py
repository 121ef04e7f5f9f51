"""The figure of the docs."""

import numpy as np
from PIL import Image

from zoo.corruptions.common import COMMON_CORRUPTIONS, apply_common_corruption
from zoo.corruptions.conditions import CORRUPTIONS
from zoo.corruptions.figure import FIGURE, SCALE, digits, figure, of_training, panel
from zoo.data.datasets import load
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
    assert bool((fogged[5] == apply_common_corruption(images, "fog", 5, generator("figure", "fog"))).all())
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


def test_training_examples_are_shown_as_they_are_trained_on() -> None:
    """Six of each, of threes, eights and fives: plain ones as in the data set, pairs of a class, copies with holes."""
    digit = load("digits")
    shown = of_training()
    assert list(shown) == [*CORRUPTIONS, "class_noise", "poison", "pairs", "erased copies"]
    assert {len(examples) for examples in shown.values()} == {6}
    for (image, label), true in zip(shown["true_labels"], (3, 3, 8, 8, 5, 5), strict=True):
        assert label == true
        assert (digit.train_images[digit.train_labels == true][:2] == image).flatten(1).all(dim=1).any()
    assert {label for _, label in shown["class_noise"]} <= {3, 5, 8}
    own = {image.numpy().tobytes(): int(y) for image, y in zip(digit.train_images, digit.train_labels, strict=True)}
    for pair, label in shown["pairs"]:
        halves = [half.contiguous().numpy().tobytes() for half in (pair[:, :8], pair[:, 8:])]
        assert [own[half] for half in halves] == [label, label]
    originals = digits()
    for copy, (image, _) in enumerate(shown["erased copies"]):
        assert bool(((image == 0) | (image == originals[copy % 2, 0])).all())
