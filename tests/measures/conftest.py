"""The subjects of the tests of measures: each network by its name, and `subject` for all of them in turn."""

import pytest

from measures.api import Subject
from tests.measures.networks import ARCHITECTURES, network


@pytest.fixture(params=sorted(ARCHITECTURES))
def subject(request: pytest.FixtureRequest) -> Subject:
    """Every network in turn."""
    return network(request.param).subject()


@pytest.fixture
def linear() -> Subject:
    """Softmax regression."""
    return network("linear").subject()


@pytest.fixture
def mlp() -> Subject:
    """Two hidden layers of ReLU."""
    return network("mlp").subject()


@pytest.fixture
def conv_bn() -> Subject:
    """Convolutions under batch norm."""
    return network("conv_bn").subject()


@pytest.fixture
def residual() -> Subject:
    """A residual network with batch norm."""
    return network("residual").subject()


@pytest.fixture
def norm_free() -> Subject:
    """A residual network without norms."""
    return network("norm_free").subject()


@pytest.fixture
def vit() -> Subject:
    """A vision transformer."""
    return network("vit").subject()


@pytest.fixture
def mixer() -> Subject:
    """An MLP-mixer."""
    return network("mixer").subject()
