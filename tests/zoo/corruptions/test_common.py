"""What holds of all fifteen common corruptions."""

import hashlib
from pathlib import Path
from typing import Final, get_args

import pytest
import torch
from torch import Tensor

from zoo.corruptions.common import (
    COMMON_CORRUPTIONS,
    SEVERITIES,
    CommonCorruption,
    commonly_corrupted,
    require_common_corruption,
)
from zoo.corruptions.pixels import CHUNK
from zoo.data.datasets import load
from zoo.seeds import generator

DIGITS = load("digits").test_images
NAMES = tuple(COMMON_CORRUPTIONS)

# First 16 figures of the SHA-256 of the first 100 test digits at severities 1 to 5. A changed hash means that stored
# runs were trained or tested on other images than their recipes now give; CHANGELOG.md must say so. That of JPEG also
# hangs on the libjpeg within Pillow.
GOLDEN: Final[dict[CommonCorruption, str]] = {
    "gaussian_noise": "436265e9edda3e84",
    "shot_noise": "4089b47c76d8da77",
    "impulse_noise": "ad74aa3147d52a03",
    "defocus_blur": "6c989dd14d74b7ff",
    "glass_blur": "6b3411bec8d06f78",
    "motion_blur": "8de8335bc8ead7d5",
    "zoom_blur": "797cb7ce518fec8d",
    "snow": "eaae1c954a6fef58",
    "frost": "b8ead71f018e0101",
    "fog": "557c9b34dbb7adef",
    "brightness": "96eae456c6e67f85",
    "contrast": "b162af94e6759a5f",
    "elastic_transform": "0fdba85f219a1e2a",
    "pixelate": "2721641c495d84c0",
    "jpeg_compression": "9df538a213edce4f",
}

# Constants of CIFAR-10-C for which the squared distance from the image does not grow at each step, on 8 x 8 digits or
# on CIFAR-10: glass softens what it displaces by more blur; frost darkens the image where it thickens; the affine map
# of elastic_transform calms down as its field grows; and 8 pixels made 5 keep more of some strokes than 6 do. The tests
# of each function say what does grow.
FALLS: Final = {"digits": {"glass_blur", "frost", "elastic_transform", "pixelate"}}
FALLS["cifar10"] = FALLS["digits"] - {"pixelate"}


def at_each_severity(images: Tensor, name: CommonCorruption) -> list[Tensor]:
    """Images at severities 1 to 5, of one generator state."""
    return [commonly_corrupted(images, name, severity, generator(name)) for severity in SEVERITIES]


def colours(n: int, height: int = 32, width: int = 32) -> Tensor:
    """Smooth coloured images [n, 3, h, w] with edges, as photographs have."""
    draw = generator("colours", n)
    low = torch.rand(n, 3, 4, 4, generator=draw)
    return (255 * torch.nn.functional.interpolate(low, (height, width), mode="nearest")).to(torch.uint8)


def test_each_is_described_and_has_a_golden_hash() -> None:
    """There are fifteen, and naming one is being tested."""
    assert len(NAMES) == 15
    assert NAMES == get_args(CommonCorruption) == tuple(GOLDEN)


@pytest.mark.parametrize("name", NAMES)
def test_golden_hash(name: CommonCorruption) -> None:
    """The bits that a recipe stands for."""
    each = torch.stack(at_each_severity(DIGITS[:100], name))
    assert hashlib.sha256(each.numpy().tobytes()).hexdigest()[:16] == GOLDEN[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(8, 8), (9, 14), (32, 32)])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_type_are_kept_and_the_argument_is_left_alone(
    name: CommonCorruption, shape: tuple[int, int], channels: int
) -> None:
    """For one channel and for three, square or not; the same state gives the same bits."""
    images = colours(3, *shape)[:, :channels].clone()
    before = images.clone()
    for severity in SEVERITIES:
        once, again = (commonly_corrupted(images, name, severity, generator("one")) for _ in range(2))
        assert once.shape == images.shape
        assert once.dtype == torch.uint8
        assert torch.equal(once, again)
    assert torch.equal(images, before)


CHANCELESS: Final = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"}


@pytest.mark.parametrize("name", NAMES)
def test_equal_images_get_draws_of_their_own(name: CommonCorruption) -> None:
    """Within a chunk, across chunks and across seeds, save where there is no chance."""
    images = colours(1, 8, 8).repeat(CHUNK + 2, 1, 1, 1)
    first, other = (commonly_corrupted(images, name, 5, generator(seed)) for seed in ("one", "other"))
    same = name in CHANCELESS
    assert torch.equal(first[0], first[1]) == same
    assert torch.equal(first[0], first[CHUNK]) == same
    assert torch.equal(first, other) == same


def distances(images: Tensor, name: CommonCorruption) -> list[float]:
    """Mean squared distance from the images in grey levels, by severity."""
    return [float((each.double() - images.double()).square().mean()) for each in at_each_severity(images, name)]


def rises(figures: list[float]) -> bool:
    """Whether each figure is at least the one before it, and the last above the first."""
    return figures == sorted(figures) and figures[0] < figures[-1]


@pytest.mark.parametrize("name", NAMES)
def test_severity_is_distance_on_digits(name: CommonCorruption) -> None:
    """From the original, save where the published constants will have it otherwise."""
    assert rises(distances(DIGITS, name)) == (name not in FALLS["digits"])


@pytest.mark.parametrize("name", NAMES)
def test_severity_is_distance_on_cifar10(name: CommonCorruption, data_dir: Path) -> None:
    """Likewise on photographs."""
    assert rises(distances(load("cifar10", data_dir).test_images[:200], name)) == (name not in FALLS["cifar10"])


def test_what_cannot_be_corrupted_is_refused() -> None:
    """Unknown names with a suggestion, severities that do not exist, and images of another kind."""
    with pytest.raises(ValueError, match=r"No common corruption is called 'frosty'\. Did you mean: frost"):
        require_common_corruption("frosty", 1)
    for severity in (0, 6):
        with pytest.raises(ValueError, match=f"severity must be 1, 2, 3, 4 or 5 with 'fog'; got {severity}"):
            require_common_corruption("fog", severity)
    for images, message in (
        (DIGITS.float(), "must be uint8 for 'fog'"),
        (DIGITS[:, :, :7], r"sides of at least 8 pixels for 'fog'; got \[c, h, w\] = \[1, 7, 8\]"),
        (DIGITS.repeat(1, 2, 1, 1), "1 or 3 channels"),
    ):
        with pytest.raises(ValueError, match=message):
            commonly_corrupted(images, "fog", 1, generator(0))
