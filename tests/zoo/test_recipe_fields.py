"""Test the declared ranges and traits of a recipe's fields."""

import dataclasses
import math

import pytest

from zoo import recipe_fields
from zoo.recipe import TRAITS, Recipe, redrawn
from zoo.recipe_fields import Range


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("POSITIVE", (1e-9, 3), (0, -1, math.inf, math.nan)),
        ("POSITIVE_OR_NONE", (None, 0.1), (0, -1, math.nan)),
        ("AT_LEAST_ZERO", (0, 5), (-0.1, math.nan)),
        ("AT_LEAST_ONE", (1, 5), (0, math.nan)),
        ("BELOW_ONE", (0, 0.99), (1, -0.1, math.nan)),
        ("PROBABILITY", (0, 1), (1.1, -0.1, math.nan)),
        ("SHARE", (0.1, 1), (0, 1.1, math.nan)),
        ("STABLE_TAIL", (0.1, 2), (0, 2.1, math.nan)),
    ],
)
def test_a_range_holds_what_it_says(name: str, inside: tuple[float, ...], outside: tuple[float, ...]) -> None:
    """Ends included or not; NaN is in none."""
    within: Range = getattr(recipe_fields, name)
    assert all(within.holds(value) for value in inside)
    assert not any(within.holds(value) for value in outside)


@pytest.mark.parametrize("name", [name for name, about in TRAITS.items() if about.within is not None])
def test_a_recipe_refuses_a_field_out_of_its_range(name: str) -> None:
    """By its name; every default is in range, since `Recipe()` is possible."""
    within = TRAITS[name].within
    assert within is not None
    with pytest.raises(ValueError, match=f"^{name} must "):
        Recipe().replace(**{name: -1})


def test_traits_are_those_of_a_field_or_plain() -> None:
    """Pretraining takes what a fleet shares, and more."""
    assert list(TRAITS) == [each.name for each in dataclasses.fields(Recipe)]
    assert TRAITS["width"].shared
    assert TRAITS["width"].pretraining
    assert TRAITS["learning_rate"].pretraining
    assert not TRAITS["learning_rate"].shared
    assert TRAITS["schedule"] == recipe_fields.PLAIN
    assert redrawn("seed") == ("seed", "init_seed", "data_seed")
