"""Data on which fleets are compared."""

import pytest

from zoo.corruptions import PreparedData
from zoo.recipe import Recipe
from zoo.training.train import data_of


@pytest.fixture(scope="module")
def data() -> PreparedData:
    """Images of Gaussian pixels: no patch is constant, and no ReLU at its kink."""
    return data_of(Recipe(train_size=128, corruption="gaussian"))
