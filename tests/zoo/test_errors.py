"""Errors of users: one base class for the room."""

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import zoo
from zoo.data.datasets import load
from zoo.errors import ZooError, suggestion
from zoo.recipe import Recipe
from zoo.training.train import data_of, network_of


def test_every_exception_of_the_room_has_its_base() -> None:
    """Whoever catches `ZooError` catches all that is raised for a user."""
    for info in pkgutil.walk_packages(zoo.__path__, "zoo."):
        for _, kind in inspect.getmembers(importlib.import_module(info.name), inspect.isclass):
            if issubclass(kind, Exception) and kind.__module__.startswith("zoo."):
                assert issubclass(kind, ZooError), kind


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "resnett"},
        {"corruption": "random_label"},
        {"shift": "frosty", "severity": 1},
        {"optimizer": "lion"},
        {"learning_rate": -1},
        {"train_size": 3},
        {"classes": (3, 12)},
        {"pairs": 200},
    ],
)
def test_a_wrong_recipe_is_an_error_of_the_user(changes: dict[str, object]) -> None:
    """When it is made, or when it meets its data."""
    with pytest.raises(ZooError):
        data_of(Recipe(batch_size=1).replace(**changes))


def test_a_model_that_does_not_fit_the_images_is_an_error_of_the_user() -> None:
    """A timm model for larger images."""
    recipe = Recipe(model="crossvit_tiny_240")
    with pytest.raises(ZooError, match=r"'crossvit_tiny_240' cannot take images of 1 x 8 x 8\..* a family: mlp"):
        network_of(recipe, data_of(recipe))


def test_an_unusable_data_set_is_an_error_of_the_user(tmp_path: Path) -> None:
    """No such name, no such folder, broken files."""
    for name, folder in (("digit", None), ("cifar10", tmp_path / "absent"), ("cifar10", tmp_path)):
        with pytest.raises(ZooError):
            load(name, folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "train.parquet").write_bytes(b"nothing")
    with pytest.raises(ZooError, match="mine"):
        load("mine", tmp_path)


def test_suggestions_are_similar_names_or_all() -> None:
    """Or another sentence where the caller has one."""
    assert suggestion("fogg", ["frost", "fog"]) == "Did you mean: fog?"
    assert suggestion("zzz", ["frost", "fog"]) == "Available: frost, fog."
    assert suggestion("zzz", ["frost", "fog"], "Nothing like it.") == "Nothing like it."
