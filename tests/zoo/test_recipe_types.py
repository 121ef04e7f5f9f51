"""A recipe of any values is made, or refused by name."""

from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import RecipeError, ZooError
from zoo.recipe import Recipe

VALUES: Final = st.one_of(
    st.text(max_size=8), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers(), max_size=3)
)


@given(fields=st.dictionaries(st.sampled_from(sorted(Recipe.__dataclass_fields__)), VALUES, max_size=4))
def test_any_values(fields: dict[str, Any]) -> None:
    """It says something, or equals what its changed fields make."""
    try:
        recipe = Recipe.from_changed(fields)
    except ZooError as error:
        said = str(error)
    else:
        said = "a recipe"
        assert Recipe.from_changed(recipe.changed()) == recipe
    assert said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"width": "8"}, "width must be a finite number; got '8'."),
        ({"depth": np.int64(3)}, r"depth must be a whole number; got np.int64\(3\)."),
        ({"train_size": 3.0}, "train_size must be a whole number or None; got 3.0."),
        ({"learning_rate": float("inf")}, "learning_rate must be a finite number; got inf."),
        ({"batch_norm": 1}, "batch_norm must be True or False; got 1."),
        ({"seed": True}, "seed must be a whole number; got True."),
        ({"tuned_layers": ("head", 3)}, "tuned_layers must be a tuple, each item a text; got"),
        ({"class_noise": ((3, 5),)}, r"each item \(a whole number, a whole number, a finite number\)"),
        ({"teacher": "mlp"}, "teacher must be a Recipe or None; got 'mlp'."),
        ({"optimizer": None}, "optimizer must be one of 'sgd', 'adamw'; got None."),
    ],
)
def test_a_wrong_type_is_named(fields: dict[str, Any], said: str) -> None:
    """With what it must be."""
    with pytest.raises(RecipeError, match=said):
        Recipe(**fields)
