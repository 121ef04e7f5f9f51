"""Test properties of all fifteen common corruptions."""

from pathlib import Path
from typing import Any, Final, get_args

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.corruptions.common import (
    COMMON_CORRUPTIONS,
    SEVERITIES,
    CommonCorruption,
    apply_common_corruption,
    require_common_corruption,
)
from zoo.corruptions.pixels import CHUNK
from zoo.data.datasets import load
from zoo.seeds import generator

DIGITS = load("digits").test_images
NAMES = tuple(COMMON_CORRUPTIONS)

# What each corruption makes of ten digits and of two coloured images: a row for each corruption and severity. Another
# image means that stored runs were trained or tested on other images than their recipes now give; CHANGELOG.md must say
# so. `python tests/zoo/corruptions/test_common.py` stores them again.
STORED: Final = {
    "digits": Path(__file__).parent / "images" / "digits.png",
    "colours": Path(__file__).parent / "images" / "colours.png",
}
TOLERANCE: Final[dict[str, int]] = {"jpeg_compression": 2}  # grey levels, for another libjpeg; the others are exact

# Constants of CIFAR-10-C for which the squared distance from the image does not grow at each step, on 8 x 8 digits or
# on CIFAR-10: glass softens what it displaces by more blur; frost darkens the image where it thickens; the affine map
# of elastic_transform calms down as its field grows; and 8 pixels made 5 keep more of some strokes than 6 do. The tests
# of each function say what does grow.
FALLS: Final = {"digits": {"glass_blur", "frost", "elastic_transform", "pixelate"}}
FALLS["cifar10"] = FALLS["digits"] - {"pixelate"}


def at_each_severity(images: Tensor, name: CommonCorruption) -> list[Tensor]:
    """Images at severities 1 to 5, of one generator state."""
    return [apply_common_corruption(images, name, severity, generator(name)) for severity in SEVERITIES]


def colours(n: int, height: int = 32, width: int = 32) -> Tensor:
    """Smooth coloured images [n, 3, h, w] with edges, as photographs have."""
    draw = generator("colours", n)
    low = torch.rand(n, 3, 4, 4, generator=draw)
    return (255 * torch.nn.functional.interpolate(low, (height, width), mode="nearest")).to(torch.uint8)


def pictured() -> dict[str, Tensor]:
    """The images whose corruptions are stored."""
    return {"digits": DIGITS[:10], "colours": colours(2, 16, 16)}


def stored(images: str) -> dict[CommonCorruption, Tensor]:
    """Corrupted images [5, n, c, h, w] by name, as they are stored."""
    n, channels, height, width = pictured()[images].shape
    with Image.open(STORED[images]) as file:
        sheet = torch.from_numpy(np.array(file)).view(len(NAMES), len(SEVERITIES), height, n, width, channels)
    return dict(zip(NAMES, sheet.permute(0, 1, 3, 5, 2, 4), strict=True))


def store() -> None:
    """Write the stored images."""
    for images, file in STORED.items():
        each = torch.stack([torch.stack(at_each_severity(pictured()[images], name)) for name in NAMES])
        sheet = each.permute(0, 1, 4, 2, 5, 3).flatten(3, 4).flatten(0, 2)  # [rows, columns, c]
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(sheet.squeeze(2).contiguous().numpy()).save(file, optimize=True)


def furthest(name: CommonCorruption, images: str) -> int:
    """The largest distance in grey levels between stored images and those made now."""
    made = torch.stack(at_each_severity(pictured()[images], name)).int()
    return int((made - stored(images)[name].int()).abs().max())


def test_there_are_fifteen() -> None:
    """Naming one is being tested."""
    assert len(NAMES) == 15
    assert get_args(CommonCorruption) == NAMES


@pytest.mark.parametrize("images", STORED)
@pytest.mark.parametrize("name", NAMES)
def test_images_are_the_stored_ones(name: CommonCorruption, images: str) -> None:
    """A recipe stands for the same images on every processor."""
    assert furthest(name, images) <= TOLERANCE.get(name, 0)


class OtherProcessor(TorchDispatchMode):
    """Move the last bits of every result that IEEE 754 does not fix: of sums, products of matrices, exp, randn, ..."""

    EXACT: Final = (
        "_to_copy", "abs", "add", "add_", "amax", "amin", "arange", "cat", "ceil", "clamp", "clone",
        "constant_pad_nd", "copy_", "div", "div_", "empty_like", "expand", "flip", "floor", "gather",
        "index_select", "lift_fresh", "maximum", "mul", "mul_", "rand", "reciprocal", "reflection_pad2d",
        "remainder", "roll", "round", "rsub", "scalar_tensor", "select", "slice", "sqrt", "squeeze", "stack",
        "sub", "sub_", "unsqueeze", "view", "where", "zeros", "zeros_like",
    )  # fmt: skip
    moved: set[str]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.moved = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call an operator and, if its bits are a processor's own, move them."""
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        if name in self.EXACT or not isinstance(out, Tensor) or not out.is_floating_point():
            return out
        self.moved.add(name)
        return out * (1 + 2.0**-50)


@pytest.mark.parametrize("name", NAMES)
def test_no_image_hangs_on_a_processors_last_bits(name: CommonCorruption) -> None:
    """They stay the stored ones where all is moved that another processor may compute otherwise."""
    with OtherProcessor():
        distances = [furthest(name, images) for images in STORED]
    assert max(distances) <= TOLERANCE.get(name, 0)


def test_the_other_processor_is_another() -> None:
    """Its products and exponentials differ; its sums of two numbers do not."""
    x = torch.rand(4, 4, generator=generator("x"), dtype=torch.float64)
    with OtherProcessor() as other:
        product, exponential, twice = x @ x, x.exp(), x + x
    assert other.moved == {"mm", "exp"}
    assert not torch.equal(product, x @ x)
    assert not torch.equal(exponential, x.exp())
    assert torch.equal(twice, 2 * x)


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
        once, again = (apply_common_corruption(images, name, severity, generator("one")) for _ in range(2))
        assert once.shape == images.shape
        assert once.dtype == torch.uint8
        assert torch.equal(once, again)
    assert torch.equal(images, before)


CHANCELESS: Final = {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"}


@pytest.mark.parametrize("name", NAMES)
def test_equal_images_get_draws_of_their_own(name: CommonCorruption) -> None:
    """Within a chunk, across chunks and across seeds, save where there is no chance."""
    images = colours(1, 8, 8).repeat(CHUNK + 2, 1, 1, 1)
    first, other = (apply_common_corruption(images, name, 5, generator(seed)) for seed in ("one", "other"))
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
            apply_common_corruption(images, "fog", 1, generator(0))


if __name__ == "__main__":
    store()
