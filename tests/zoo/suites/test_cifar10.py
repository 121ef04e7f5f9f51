"""The reference suite is balanced, can be ranked early, and measures see no image on which the gap is measured."""

from collections import Counter
from itertools import product

import pytest

from zoo.models.build import build
from zoo.recipe import FAMILIES, Recipe
from zoo.suites.cifar10 import AROUND, CORRUPTIONS, FACTORIAL, MODELS
from zoo.suites.registry import suite
from zoo.suites.study import SizeName
from zoo.training.train import shape_of

HYPERPARAMETERS = (*FACTORIAL, *AROUND)
SIZES: dict[SizeName, int] = {"small": 64, "reference": 576, "full": 576}


def neighbours(recipes: list[Recipe], name: str) -> int:
    """Pairs of networks of one seed that differ in a hyperparameter alone."""
    alike = Counter(recipe.replace(**{name: FACTORIAL.get(name, AROUND.get(name, ()))[0]}) for recipe in recipes)
    return sum(count * (count - 1) // 2 for count in alike.values())


@pytest.mark.parametrize("size", SIZES)
def test_a_size_has_its_networks(size: SizeName) -> None:
    """All different, and those of a timm model by name with two seeds in place of two widths."""
    recipes = suite("cifar10").recipes(size)
    assert len({recipe.run_id for recipe in recipes}) == len(recipes) == SIZES[size]
    assert {recipe.unlabeled for recipe in recipes} == {"half_of_test"}
    for recipe in recipes:
        assert recipe.seed == 0 or recipe.model not in FAMILIES


@pytest.mark.parametrize("name", HYPERPARAMETERS)
def test_every_hyperparameter_is_varied_alone_within_every_corruption_and_family(name: str) -> None:
    """Eight pairs in the factorial of four, four around its centre; the width of a timm model is in its name."""
    recipes = suite("cifar10").recipes("reference")
    for corruption, model in product(CORRUPTIONS, MODELS):
        cell = BASE_OF(corruption, model)
        own = [r for r in recipes if (r.model, r.corruption, r.corruption_p, r.shift) == cell]
        assert len(own) == 23
        fixed = name == "width" and model not in FAMILIES
        assert neighbours(own, name) == (0 if fixed else 8 if name in FACTORIAL else 4)


def BASE_OF(corruption: dict[str, object], model: str) -> tuple[object, ...]:  # noqa: N802
    recipe = Recipe(**corruption)  # type: ignore[arg-type]
    return model, recipe.corruption, recipe.corruption_p, recipe.shift
