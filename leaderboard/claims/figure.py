"""A study's figure: a few series of points with their ranges, as SVG."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.claim import Evidence

WIDTH, HEIGHT = 640, 360  # of the picture
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 16, 48  # margins; the legend stands on the right
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666")  # Okabe & Ito
TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the horizontal axis, a number or a name, and there a mean and the lowest and highest value."""

    x: float | str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one colour; `lines` joins them."""

    name: str
    points: Sequence[Point]
    lines: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is drawn of a study.

    Attributes:
        x, y: what the axes are.
        draw: the series.
        log: whether the horizontal axis is logarithmic.
    """

    x: str
    y: str
    draw: Callable[[Evidence], Sequence[Series]]
    log: bool = False


def line(name: str, frame: pd.DataFrame, x: str, y: str) -> Series:
    """Mean, lowest and highest y at each x, ascending."""
    own = frame[[x, y]].dropna()
    groups = own.groupby(x, sort=True)[y]
    return Series(
        name,
        [
            Point(at if isinstance(at, str) else float(str(at)), float(v.mean()), float(v.min()), float(v.max()))
            for at, v in groups
        ],
    )


def dots(name: str, x: Sequence[float], y: Sequence[float]) -> Series:
    """Single points."""
    both = [(float(a), float(b)) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    return Series(name, [Point(a, b, b, b) for a, b in both], lines=False)


def svg(figure: Figure, evidence: Evidence) -> str:
    """The picture; empty where there is nothing to draw."""
    series = [one for one in figure.draw(evidence) if one.points]
    if not series:
        return ""
    names = list(dict.fromkeys(str(p.x) for s in series for p in s.points if isinstance(p.x, str)))

    def place(x: float | str) -> float:
        if isinstance(x, str):
            return float(names.index(x))
        return math.log10(x) if figure.log else x

    places = [place(p.x) for s in series for p in s.points]
    values = [v for s in series for p in s.points for v in (p.low, p.high)]
    across, up = _scale(places, LEFT, WIDTH - RIGHT), _scale(values, HEIGHT - BOTTOM, TOP)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12" fill="#222222">'
        ),
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        *_horizontal(names, places, across, log=figure.log),
        *_vertical(values, up),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, figure.x),
        (
            f'<text transform="translate(14 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
            f"{escape(figure.y)}</text>"
        ),
    ]
    for index, one in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        parts += _drawn(one, colour, [(across(place(p.x)), up(p.mean), up(p.low), up(p.high)) for p in one.points])
        height = TOP + 14 + 18 * index
        parts.append(f'<circle cx="{WIDTH - RIGHT + 16}" cy="{height - 4}" r="4" fill="{colour}"/>')
        parts.append(_text(WIDTH - RIGHT + 26, height, one.name, anchor="start"))
    return "\n".join([*parts, "</svg>\n"])


def _scale(values: Sequence[float], start: float, end: float) -> Callable[[float], float]:
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.5
    return lambda value: round(start + (value - low + room) / (high - low + 2 * room) * (end - start), 1)


def _drawn(one: Series, colour: str, places: Sequence[tuple[float, float, float, float]]) -> list[str]:
    parts = []
    if one.lines and len(places) > 1:
        way = " ".join(f"{x},{y}" for x, y, _, _ in places)
        parts.append(f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    for x, y, low, high in places:
        if low != high:
            parts.append(f'<line x1="{x}" x2="{x}" y1="{low}" y2="{high}" stroke="{colour}"/>')
        parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}" fill-opacity="0.8"/>')
    return parts


def _horizontal(
    names: Sequence[str], places: Sequence[float], across: Callable[[float], float], *, log: bool
) -> list[str]:
    floor = HEIGHT - BOTTOM
    parts = [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}" stroke="#888888"/>']
    if names:
        return parts + [_text(across(float(i)), floor + 16, name, size=10) for i, name in enumerate(names)]
    ticks = _ticks(places)
    return parts + [_text(across(t), floor + 16, f"{10**t if log else t:.3g}") for t in ticks]


def _vertical(values: Sequence[float], up: Callable[[float], float]) -> list[str]:
    parts = []
    for tick in _ticks(values):
        y = up(tick)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#dddddd"/>')
        parts.append(_text(LEFT - 6, y + 4, f"{tick:.3g}", anchor="end"))
    return parts


def _ticks(values: Sequence[float]) -> list[float]:
    """About five round numbers within the values; their ends where they are all one."""
    low, high = min(values), max(values)
    if low == high:
        return [low]
    rough = (high - low) / TICKS
    unit = 10.0 ** math.floor(math.log10(rough))
    step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough)
    return [float(t) for t in np.arange(math.ceil(low / step - 1e-9) * step, high + 1e-9 * step, step)]


def _text(x: float, y: float, words: str, *, anchor: str = "middle", size: int = 12) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
