"""The suite of timm models: every network can be built and tried, and every size is a factorial."""

from collections import Counter

import pytest
import torch

from zoo.models.build import build
from zoo.suites.registry import suite
from zoo.suites.study import SizeName
from zoo.suites.timm_models import FULL, MODELS, SMALL_MODELS

SIZES: dict[SizeName, int] = {"small": 40, "full": 224}


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_its_networks(size: SizeName) -> None:
    """As many of each model, all with fitted stems."""
    recipes = suite("timm").recipes(size)
    models = Counter(recipe.model for recipe in recipes)
    assert len(recipes) == SIZES[size]
    assert tuple(models) == (SMALL_MODELS if size == "small" else MODELS)
    assert len(set(models.values())) == 1
    assert {recipe.stem for recipe in recipes} == {"fitted"}


@pytest.mark.parametrize("name", FULL)
def test_networks_of_the_full_size_have_neighbours_in_every_hyperparameter(name: str) -> None:
    """One with each other level, of the factorial's."""
    recipes = set(suite("timm").recipes("full"))
    factorial = [r for r in recipes if r.seed == 0 and r.corruption != "random_labels"]
    assert len(factorial) == 168
    for recipe in factorial:
        assert all(recipe.replace(**{name: level}) in recipes for level in FULL[name])


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_tried_on_an_image(model: str) -> None:
    """Built with the stem of the suite, which tries it; logits of ten classes."""
    recipe = next(recipe for recipe in suite("timm").recipes("full") if recipe.model == model)
    assert build(recipe, (3, 32, 32), 10, 0).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
