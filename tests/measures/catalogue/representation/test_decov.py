"""DeCov, against the paper's double sum."""

import pytest
import torch

from measures import Subject
from measures.catalogue.representation.decov import decov
from tests.measures.networks import network


def test_decov_is_the_sum_over_pairs_of_units() -> None:
    """Half the sum over i != j of squared covariances, each written out over the examples."""
    data = network("mlp")
    hidden = data.model[:-1](data.inputs).detach()  # type: ignore[index]  # it is a Sequential
    n, units = hidden.shape
    means = [sum(float(h[i]) for h in hidden) / n for i in range(units)]
    expected = 0.0
    for i in range(units):
        for j in range(units):
            if i != j:
                covariance = sum((float(h[i]) - means[i]) * (float(h[j]) - means[j]) for h in hidden) / n
                expected += covariance**2 / 2

    assert decov(data.subject()) == pytest.approx(expected, rel=1e-10)


def test_units_that_do_not_vary_together_cost_nothing() -> None:
    """Three inputs that are uncorrelated, and one that is constant: an identity of covariances without a pair."""
    inputs = torch.tensor([[1.0, 1, 1, 5], [1, -1, -1, 5], [-1, 1, -1, 5], [-1, -1, 1, 5]]).double()
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2)).double()

    assert decov(Subject(model, inputs.reshape(4, 1, 2, 2), torch.tensor([0, 1, 0, 1]))) == pytest.approx(0, abs=1e-12)
