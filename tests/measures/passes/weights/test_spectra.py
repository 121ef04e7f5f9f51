"""Spectra of layers against numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.passes.weights.folding import layers
from measures.passes.weights.spectra import randomized_singular_values, singular_values, spectral_norms
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

    with pytest.raises(UnsupportedModelError, match="'3' is zero"):
        spectral_norms(Subject(model, data.inputs, torch.zeros_like(data.labels)))


def test_randomized_layers_keep_their_entries(mlp: Subject) -> None:
    """The sum of squares is that of the layer; the draw follows the values and not their places."""
    data = network("mlp")
    state = data.model.state_dict()
    turned = {**state, "1.weight": state["1.weight"].flip(0), "3.weight": state["3.weight"].flip(1)}
    other = data.subject()
    other.model.load_state_dict(turned)

    for layer, values, same in zip(
        layers(mlp), randomized_singular_values(mlp), randomized_singular_values(other), strict=True
    ):
        for draw in values:
            assert float(draw.square().sum()) == pytest.approx(float(layer.weight.square().sum()), rel=1e-12)
        np.testing.assert_array_equal(values, same)
    assert not np.allclose(randomized_singular_values(mlp)[0][0], singular_values(mlp)[0], rtol=0.01)
    in_order = torch.linalg.svdvals(layers(mlp)[0].weight.flatten().sort().values.reshape(10, 64))
    assert randomized_singular_values(mlp)[0][0][0] < 0.6 * in_order[0]  # rows of like size are one direction


def test_spectra_are_taken_in_double_precision() -> None:
    """Of single-precision weights, too."""
    subject = network("mlp").subject(dtype=torch.float32)

    assert {values.dtype for values in singular_values(subject)} == {torch.float64}
