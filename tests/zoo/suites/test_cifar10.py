"""The reference suite is balanced, can be ranked early, and its measures see no image on which the gap is measured."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import product

import pytest

from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES
from zoo.suites.cifar10 import AROUND, CORRUPTIONS, FACTORIAL, MODELS
from zoo.suites.registry import suite
from zoo.suites.study import SizeName

SIZES: dict[SizeName, int] = {"small": 64, "reference": 680, "full": 680}


def cell(recipe: Recipe) -> tuple[object, ...]:
    """Family and corruption."""
    return recipe.model, recipe.corruption, recipe.corruption_p, recipe.shift


def pairs(recipes: Iterable[Recipe], name: str) -> int:
    """Networks that differ in this hyperparameter alone, two and two."""
    values: dict[str, set[object]] = defaultdict(set)
    for recipe in recipes:
        changed = recipe.changed()
        value = changed.pop(name, None)
        values[repr(changed)].add(value)
    return sum(len(found) * (len(found) - 1) // 2 for found in values.values())


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_its_networks(size: SizeName) -> None:
    """All different, and none of them tested on what measures see."""
    recipes = suite("cifar10").recipes(size)
    assert len({recipe.run_id for recipe in recipes}) == len(recipes) == SIZES[size]
    assert {recipe.unlabeled for recipe in recipes} == {"half_of_test"}


@pytest.mark.parametrize("name", [*FACTORIAL, *(name for levels in AROUND for name in levels)])
def test_every_hyperparameter_is_varied_alone_within_every_family_and_corruption(name: str) -> None:
    """Eight pairs in the factorial of four, two for each train size around its centre."""
    cells = defaultdict(list)
    for recipe in suite("cifar10").recipes("reference"):
        cells[cell(recipe)].append(recipe)
    for corruption, model in product(CORRUPTIONS, MODELS):
        own = cells[cell(Recipe(model=model, **corruption))]
        if name == "width" and model not in FAMILIES:
            assert pairs(own, "seed") >= 8
        else:
            assert pairs(own, name) >= (8 if name in FACTORIAL else 2)


@pytest.mark.parametrize("count", [24, 48, 96, 192, 384])
def test_the_first_networks_are_a_factorial_by_themselves(count: int) -> None:
    """All families and corruptions as often, and half of the networks at each level of what is varied."""
    first = suite("cifar10").recipes("reference")[:count]
    cells = defaultdict(list)
    for recipe in first:
        cells[cell(recipe)].append(recipe)
    assert {len(own) for own in cells.values()} == {count // 24}
    assert len(cells) == 24
    for name in FACTORIAL:
        levels = [getattr(recipe, name) for recipe in first if recipe.model in FAMILIES]
        assert len(set(levels)) == 1 or len({levels.count(level) for level in levels}) == 1


def test_some_networks_have_a_twin_of_another_seed() -> None:
    """A sixth of each family within every corruption; of a timm model, half of all."""
    recipes = set(suite("cifar10").recipes("reference"))
    twins = [recipe for recipe in recipes if recipe.seed == 0 and recipe.replace(seed=1) in recipes]
    of_families = [recipe for recipe in twins if recipe.model in FAMILIES]
    assert len(of_families) == 5 * 4 * 4
    assert {cell(recipe) for recipe in twins} >= {cell(Recipe(model=m, **c)) for m, c in product(MODELS, CORRUPTIONS)}


def test_random_labels_have_partners_on_true_labels() -> None:
    """The gate compares networks that differ in their labels alone."""
    recipes = suite("cifar10").recipes("reference")
    random = [recipe for recipe in recipes if recipe.corruption == "random_labels"]
    assert len(random) == 24
    assert {recipe.replace(corruption="true_labels") for recipe in random} <= set(recipes)
