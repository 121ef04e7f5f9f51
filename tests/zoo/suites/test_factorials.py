"""The suites of the digits are full factorials within every family and condition, with a gate and twins beside them."""

from collections import Counter, defaultdict
from itertools import combinations

import pytest

from zoo.held_out import held_out
from zoo.recipe import Recipe
from zoo.suites import check, digits
from zoo.suites.registry import suite

NETWORKS = {"digits": (128, 16, 32), "check": (32, 8, 8)}  # of the factorial, for the gate, of the second seed
FACTORIALS = {"digits": digits.FACTORIAL, "check": check.FACTORIAL}
FAMILIES = {"digits": digits.MODELS, "check": check.MODELS}


@pytest.fixture(params=["public", "secret"])
def recipes(request: pytest.FixtureRequest, name: str) -> tuple[Recipe, ...]:
    """A suite, and what a secret makes of it."""
    public = suite(name).recipes()
    return public if request.param == "public" else held_out(public, name, b"a secret of sixteen bytes")


def differences(one: Recipe, other: Recipe) -> list[str]:
    """Fields in which two recipes differ."""
    mine, theirs = one.changed(), other.changed()
    return [name for name in {*mine, *theirs} if mine.get(name) != theirs.get(name)]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_neighbour_in_every_hyperparameter(name: str, recipes: tuple[Recipe, ...]) -> None:
    """Within each family and condition: for every hyperparameter half as many pairs as networks."""
    factorial, gate, twins = NETWORKS[name]
    first = min(recipe.seed for recipe in recipes)
    grid = [recipe for recipe in recipes if recipe.seed == first and recipe.corruption != "random_labels"]
    cells = defaultdict(list)
    for recipe in grid:
        cells[recipe.model, recipe.corruption].append(recipe)
    assert len(grid) == factorial
    assert len(recipes) == len({recipe.run_id for recipe in recipes}) == factorial + gate + twins
    assert {(model, condition) for model in FAMILIES[name] for condition in ("true_labels", "partial_labels")} == set(
        cells
    )
    for own in cells.values():
        alone = Counter(tuple(fields) for pair in combinations(own, 2) if len(fields := differences(*pair)) == 1)
        assert alone == {(field,): len(own) // 2 for field in FACTORIALS[name]}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gate_and_the_twins_have_their_partners(name: str, recipes: tuple[Recipe, ...]) -> None:
    """Random labels differ from true ones in nothing else, and a second seed from the first in nothing else."""
    _, gate, twins = NETWORKS[name]
    first = min(recipe.seed for recipe in recipes)
    random = [recipe for recipe in recipes if recipe.corruption == "random_labels"]
    second = [recipe for recipe in recipes if recipe.seed != first]
    assert (len(random), len(second)) == (gate, twins)
    assert {recipe.replace(corruption="true_labels") for recipe in random} <= set(recipes)
    assert {recipe.replace(seed=first) for recipe in second} <= set(recipes)
    assert {recipe.model for recipe in random} == {recipe.model for recipe in second} == set(FAMILIES[name])
    assert {recipe.corruption for recipe in second} == {"true_labels", "partial_labels"}


@pytest.mark.parametrize("name", NETWORKS)
def test_checkpoints_are_kept(name: str) -> None:
    """Measures of the trajectory refuse networks without them."""
    assert "none" not in {recipe.checkpoints for recipe in suite(name).recipes()}
