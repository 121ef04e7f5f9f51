"""Weather against closed forms."""

import colorsys

import pytest
import torch

from zoo.corruptions import weather
from zoo.seeds import generator

COLOURS = torch.rand(3, 3, 16, 16, generator=generator("colours"), dtype=torch.float64)
BLACK = torch.zeros(200, 3, 32, 32, dtype=torch.float64)


@pytest.mark.parametrize(("severity", "c"), tuple(enumerate([0.05, 0.1, 0.15, 0.2, 0.3], start=1)))
def test_brightness_raises_the_value_of_hsv(severity: int, c: float) -> None:
    """By colorsys, pixel by pixel; grey images likewise."""
    x = COLOURS.clone()
    x[0, :, 0] = 0  # black
    x[0, :, 1] = x[0, :1, 1]  # grey
    bright = weather.brightness(x, severity).permute(0, 2, 3, 1).reshape(-1, 3)
    for before, after in zip(x.permute(0, 2, 3, 1).reshape(-1, 3).tolist(), bright.tolist(), strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*before)
        assert after == pytest.approx(colorsys.hsv_to_rgb(hue, saturation, min(value + c, 1)), abs=1e-12)
    assert torch.allclose(weather.brightness(x[:, :1], severity), (x[:, :1] + c).clamp(max=1), atol=1e-12, rtol=0)


@pytest.mark.parametrize(("severity", "a"), tuple(enumerate([0.2, 0.5, 0.75, 1.0, 1.5], start=1)))
def test_fog_keeps_the_range_and_reaches_its_ends(severity: int, a: float) -> None:
    """(x + a m) M / (M + a): on an even image of grey M = 0.6 from 0.6 M / (M + a) to 0.6, alike in all channels."""
    fogged = weather.fog(BLACK + 0.6, severity, generator("fog"))
    assert fogged.amax(dim=(1, 2, 3)).tolist() == pytest.approx([0.6] * 200)
    assert fogged.amin(dim=(1, 2, 3)).tolist() == pytest.approx([0.36 / (0.6 + a)] * 200)
    assert torch.equal(fogged[:, 0], fogged[:, 2])
    assert float(weather.fog(BLACK, severity, generator("fog")).abs().max()) == 0


def test_plasma_is_diamond_square() -> None:
    """A naive transcription on a torus of 8, point by point, with the draws in the order of the grid."""
    draw = generator("plasma")
    size, step, wibble = 8, 8, 100.0
    heights = [[0.0] * size for _ in range(size)]

    def new(neighbours: list[tuple[int, int]], at: float) -> float:
        mean = sum(heights[i % size][j % size] for i, j in neighbours) / 4
        return mean + wibble * (2 * wibble * at - wibble)

    while step > 1:
        half, places = step // 2, range(0, size, step)
        for di, dj, reach in ((half, half, None), (0, half, half), (half, 0, half)):
            at = torch.rand(size // step, size // step, generator=draw, dtype=torch.float64).tolist()
            fresh = {}
            for a, i in enumerate(place + di for place in places):
                for b, j in enumerate(place + dj for place in places):
                    near = (
                        [(i - half, j - half), (i - half, j + half), (i + half, j - half), (i + half, j + half)]
                        if reach is None
                        else [(i - half, j), (i + half, j), (i, j - half), (i, j + half)]
                    )
                    fresh[i, j] = new(near, at[a][b])
            for (i, j), height in fresh.items():
                heights[i][j] = height
        step, wibble = half, wibble / 1.75
    expected = torch.tensor(heights, dtype=torch.float64)
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    image = torch.zeros(1, 3, 7, 8, dtype=torch.float64)
    assert torch.allclose(weather.plasma(image, 1.75, generator("plasma"))[0, 0], expected[:7], atol=1e-12, rtol=0)


def test_frost_is_a_sum_with_the_published_factors() -> None:
    """On black it is the texture's share, and the image's share is left on what the texture does not touch."""
    for severity, (a, b) in enumerate([(1, 0.2), (1, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)], start=1):
        texture = weather.frost(BLACK, severity, generator("frost")) / b
        assert float(texture.min()) >= 0
        assert 0.9 < float(texture.max()) <= 1
        frosted = weather.frost(BLACK + 0.3, severity, generator("frost"))
        assert torch.allclose(frosted - b * texture, torch.full_like(BLACK, 0.3 * a), atol=1e-12, rtol=0)


def test_frost_is_drawn_for_each_image_and_blue() -> None:
    """Veins vary within an image and between images; blue leads red at the tint's ratio, and grey has their luma."""
    texture = weather.frost_texture(BLACK, generator("frost"))
    assert float(texture.std(dim=(2, 3)).min()) > 0.1
    assert float((texture[0] - texture[1]).abs().max()) > 0.1
    assert torch.allclose(texture[:, 0], 0.75 * texture[:, 2], atol=1e-12, rtol=0)
    grey = weather.frost_texture(BLACK[:, :1], generator("frost"))
    expected = 0.299 * texture[:, 0] + 0.587 * texture[:, 1] + 0.114 * texture[:, 2]
    assert torch.allclose(grey[:, 0], expected, atol=1e-12, rtol=0)


def test_snow_on_black_is_its_flakes_and_a_little_white() -> None:
    """(1 - keep) / 2 everywhere, and a layer that is the same turned by 180 degrees and alike in all channels."""
    for severity, keep in enumerate([0.95, 0.9, 0.9, 0.85, 0.8], start=1):
        layer = weather.snow(BLACK, severity, generator("snow")) - (1 - keep) * 0.5
        assert float(layer.min()) == pytest.approx(0, abs=1e-12)
        assert torch.allclose(layer, layer.flip((2, 3)), atol=1e-12, rtol=0)
        assert torch.equal(layer[:, 0], layer[:, 1])
        assert float(layer.max()) > 0.05


def test_snow_falls() -> None:
    """Neighbours along the fall are more alike than those across it."""
    layer = weather.snow(BLACK, 3, generator("snow"))
    down, across = ((layer.diff(dim=dim)).square().mean() for dim in (2, 3))
    assert float(down) < 0.6 * float(across)


def test_snow_whitens_by_the_grey_value() -> None:
    """Where no flake is: keep x + (1 - keep) max(x, 1.5 grey + 0.5)."""
    x = COLOURS[:1].repeat(50, 1, 1, 1)
    snowed, dark = (weather.snow(each, 1, generator("snow")) for each in (x, torch.zeros_like(x)))
    grey = (0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]).unsqueeze(1)
    expected = 0.95 * x + 0.05 * torch.maximum(x, 1.5 * grey + 0.5)
    clear = dark < 0.025 + 1e-9
    assert int(clear.sum()) > 1000
    assert torch.allclose(snowed[clear], expected[clear], atol=1e-12, rtol=0)
