"""Figures of studies: order of categories, ticks, ranges and lines."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.container import ErrorbarContainer

from leaderboard.claims import Evidence
from leaderboard.claims.figure import Figure, Point, Series, dots, draw, draw_svg, line

NOTHING = Evidence(pd.DataFrame(), pd.DataFrame(), {})


def figure_with(series: list[Series], *, log: bool = False, categories: tuple[str, ...] = ()) -> Figure:
    """A figure that draws these series."""
    return Figure(x="across", y="up", series=lambda _: series, log=log, categories=categories)


def test_a_line_has_mean_and_range_at_each_x() -> None:
    """Two networks at 1, one at 2, and one without a value."""
    frame = pd.DataFrame({"x": [2, 1, 1, 3], "y": [5.0, 1.0, 3.0, float("nan")]})

    assert line("a", frame, "x", "y").points == [Point(1.0, 2.0, 1.0, 3.0), Point(2.0, 5.0, 5.0, 5.0)]


def test_dots_leave_out_what_is_not_finite() -> None:
    """A pair of which one number is missing is no point."""
    assert dots("a", [1.0, float("nan"), 3.0], [1.0, 2.0, float("inf")]).points == [Point(1.0, 1.0, 1.0, 1.0)]


def test_categories_keep_the_order_of_the_figure_in_all_series() -> None:
    """A series that lacks the first category does not put the others in another order; unused ones are left out."""
    series = [
        Series("first", [Point("decay", 3.0, 3.0, 3.0)]),
        Series("second", [Point("none", 1.0, 1.0, 1.0), Point("decay", 2.0, 2.0, 2.0)]),
    ]
    (axes,) = draw(figure_with(series, categories=("none", "dropout", "decay")), series).axes
    bars = [own for own in axes.containers if isinstance(own, ErrorbarContainer)]
    positions = {str(handle.get_label()): np.asarray(handle.lines[0].get_xdata(), dtype=float) for handle in bars}

    assert [label.get_text() for label in axes.get_xticklabels()] == ["none", "decay"]
    assert positions["first"].round().tolist() == [1]
    assert positions["second"].round().tolist() == [0, 1]
    assert positions["first"][0] != positions["second"][1]  # beside each other, so that both are seen


def test_only_numbers_are_joined() -> None:
    """By a line between dots; nothing lies between two categories."""
    by_name = [Series("a", [Point("none", 1.0, 1.0, 1.0), Point("all", 2.0, 2.0, 2.0)])]
    by_number = [Series("a", [Point(1.0, 1.0, 1.0, 1.0), Point(2.0, 2.0, 2.0, 2.0)])]
    styles = [
        draw(figure_with(series, categories=("none", "all")), series).axes[0].lines[0].get_linestyle()
        for series in (by_name, by_number)
    ]

    assert styles == ["None", "-"]


def test_a_category_must_be_known() -> None:
    """One that the figure does not list is named."""
    series = [Series("a", [Point("new", 1.0, 1.0, 1.0)])]
    with pytest.raises(ValueError, match="it lacks new"):
        draw_svg(figure_with(series, categories=("none",)), NOTHING)


def test_a_logarithmic_axis_has_its_ticks_at_the_values() -> None:
    """But for those that would stand on each other."""
    points = [Point(x, 1.0, 1.0, 1.0) for x in (2.0, 32.0, 33.0, 512.0)]
    series = [Series("a", points)]
    (axes,) = draw(figure_with(series, log=True), series).axes

    assert axes.get_xscale() == "log"
    assert axes.get_xticks().tolist() == [2, 32, 512]
    assert axes.get_xticks(minor=True).tolist() == []


@pytest.mark.parametrize("high", [2.0, 3.0])
def test_the_legend_explains_bars_where_there_are_any(high: float) -> None:
    """Two networks with one value need no bar."""
    drawn = draw_svg(figure_with([Series("a", [Point(1.0, 2.0, 2.0, high), Point(2.0, 2.0, 2.0, 2.0)])]), NOTHING)

    assert ("lowest to highest" in drawn) == (high > 2)


def test_a_picture_is_the_same_each_time() -> None:
    """No date, no random name."""
    figure = figure_with([Series("a", [Point(1.0, 2.0, 1.0, 3.0)])])

    assert draw_svg(figure, NOTHING) == draw_svg(figure, NOTHING)
    assert "dc:date" not in draw_svg(figure, NOTHING)


def test_nothing_to_draw_is_no_picture() -> None:
    """A series without points is none."""
    assert draw_svg(figure_with([Series("a", [])]), NOTHING) == ""
