"""Spectra of layers against numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModel
from measures.passes.folding import layers
from measures.passes.spectra import singular_values, spectral_norms
from tests.measures.networks import network


def test_singular_values_of_reshaped_kernels(residual: Subject) -> None:
    """Each kernel is a matrix of output channels by everything else; the values come largest first."""
    for layer, values in zip(layers(residual), singular_values(residual), strict=True):
        matrix = layer.weight.reshape(layer.weight.shape[0], -1).numpy()
        np.testing.assert_allclose(values.numpy(), np.linalg.svd(matrix, compute_uv=False), rtol=1e-9, atol=1e-12)

    assert spectral_norms(residual).tolist() == [float(values.max()) for values in singular_values(residual)]


def test_a_layer_of_zeros_is_refused() -> None:
    """It has no logarithm and no stable rank."""
    data = network("mlp")
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10)).double()
    nn.init.zeros_(next(iter(model[3].parameters())))

    with pytest.raises(UnsupportedModel, match="'3' is zero"):
        spectral_norms(Subject(model, data.inputs, torch.zeros_like(data.labels)))
