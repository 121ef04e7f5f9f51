"""Draw a study's figure with matplotlib: series of means with their ranges, as reproducible SVG."""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pandas as pd

from leaderboard.claims.claim import Evidence

if TYPE_CHECKING:  # matplotlib is an extra, and slow to import
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

INCHES: Final = (7.6, 4.0)
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666")  # Okabe & Ito
APART: Final = 0.6  # of the distance between two categories, shared by the series there
MOST_LEVELS: Final = 10  # a logarithmic axis has a tick at each of so many values
CLOSEST: Final = 0.06  # of a logarithmic axis, between two ticks
CROWDED: Final = 60  # letters beside each other from which on names of categories are slanted


@dataclass(frozen=True, slots=True)
class Point:
    """A mean with the lowest and highest value at one position, a number or a category."""

    x: float | str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one colour, joined by lines where `joined`; categories are never joined.

    The curve of a theory has no dots, not `marked`: it is dashed, in the colour of the series before it.
    """

    name: str
    points: Sequence[Point]
    joined: bool = True
    marked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The figure of a study.

    Attributes:
        x, y: labels of the axes.
        series: compute the series from the evidence.
        log: use a logarithmic horizontal axis.
        diagonal: also draw the line y = x.
        categories: the order of categories on the horizontal axis, the same for all series; empty for numbers.
    """

    x: str
    y: str
    series: Callable[[Evidence], Sequence[Series]]
    log: bool = False
    diagonal: bool = False
    categories: Sequence[str] = ()


def line(name: str, frame: pd.DataFrame, x: str, y: str) -> Series:
    """Mean, lowest and highest y at each x."""
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
    """One point for each pair of finite numbers."""
    both = [(float(a), float(b)) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    return Series(name, [Point(a, b, b, b) for a, b in both], joined=False)


def draw_svg(figure: Figure, evidence: Evidence) -> str:
    """Draw the figure as SVG, the same text for the same evidence; empty if there is nothing to draw.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: a category is not among the figure's.
    """
    return svg_of(figure, figure.series(evidence))


def svg_of(figure: Figure, series: Sequence[Series]) -> str:
    """Draw series as SVG, the same text for the same points; empty if there is nothing to draw.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
        ValueError: a category is not among the figure's.
    """
    drawable = [one for one in series if one.points]
    if not drawable:
        return ""
    from matplotlib import rc_context

    with rc_context(
        {
            "svg.hashsalt": "gapbench",  # element ids are random without it
            "svg.fonttype": "none",  # text stays text
            "font.family": "sans-serif",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    ):
        drawn = io.StringIO()
        draw(figure, drawable).savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def draw(figure: Figure, series: Sequence[Series]) -> "Canvas":
    """Draw the series as a figure of matplotlib."""
    from matplotlib.figure import Figure as Canvas

    found = {point.x for one in series for point in one.points if isinstance(point.x, str)}
    if unknown := sorted(found - set(figure.categories)):
        raise ValueError(f"The figure must list all its categories; it lacks {', '.join(unknown)}.")
    categories = [name for name in figure.categories if name in found]
    canvas = Canvas(figsize=INCHES, layout="constrained")
    axes = canvas.add_subplot()
    axes.set(xlabel=figure.x, ylabel=figure.y)
    axes.grid(axis="y", color="#dddddd")
    axes.set_axisbelow(True)
    if categories:
        _put_categories(axes, categories)
    elif figure.log:
        _put_log_ticks(axes, sorted({float(point.x) for one in series if one.marked for point in one.points}))
    colour = -1
    for index, one in enumerate(series):
        colour += one.marked
        shift = APART * ((index + 0.5) / len(series) - 0.5)  # series stand side by side in a category
        x = [categories.index(p.x) + shift if isinstance(p.x, str) else p.x for p in one.points]
        _plot(axes, one, x, COLOURS[colour % len(COLOURS)])
    if figure.diagonal:
        axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # the line must not widen them
        axes.axline((0, 0), slope=1, color="#888888", linestyle="--", linewidth=1, label="y = x")
    ranges = any(point.low != point.high for one in series for point in one.points)
    title = "dot: mean over networks\nbar: lowest to highest" if ranges else None
    canvas.legend(loc="outside right upper", frameon=False, title=title, alignment="left", title_fontsize=9)
    return canvas


def _plot(axes: "Axes", one: Series, x: Sequence[float], colour: str) -> None:
    """Draw one series at these positions."""
    ranges = [[p.mean - p.low for p in one.points], [p.high - p.mean for p in one.points]]
    joined = one.joined and not any(isinstance(p.x, str) for p in one.points)
    axes.errorbar(
        x,
        [p.mean for p in one.points],
        yerr=ranges if any(map(any, ranges)) else None,
        fmt=("o-" if joined else "o") if one.marked else "--",
        color=colour,
        markersize=4,
        linewidth=1.4,
        alpha=0.9,
        label=one.name,
    )


def _put_categories(axes: "Axes", names: Sequence[str]) -> None:
    """Put a tick at every category, with long names slanted."""
    if len(names) * max(map(len, names)) > CROWDED:
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)


def _put_log_ticks(axes: "Axes", values: Sequence[float]) -> None:
    """Make the axis logarithmic, with ticks at the values themselves, ascending, while they are few."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_xscale("log")
    if len(values) > MOST_LEVELS:
        return
    least = (values[-1] / values[0]) ** CLOSEST
    ticks = values[:1]
    for value in values[1:]:
        if value >= ticks[-1] * least:
            ticks = [*ticks, value]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")
