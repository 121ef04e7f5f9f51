"""Layers are those that a forward pass uses, not the modules of some class."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.gradients.gradients import fisher_rao
from measures.catalogue.sharpness.invariant_sharpness import normalized_flat_minima
from measures.passes.activations.used_layers import UsedLayer, used_layers
from tests.measures.networks import network


class Masked(nn.Module):
    """A linear layer of a user-defined class."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(float(into * out)).sin().view(out, into) / into**0.5)
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, x: Tensor) -> Tensor:
        """The layer."""
        return functional.linear(x, self.weight, self.bias)


def subject_of(model: nn.Module) -> Subject:
    """The network and the digits."""
    data = network("linear")
    return Subject(model.double(), data.inputs, data.labels)


def plain() -> nn.Module:
    """Two layers of torch's own with the weights of two of the other class."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 10))
    model.load_state_dict(own().state_dict())
    return model


def own() -> nn.Module:
    """The same network, of the other class."""
    return nn.Sequential(nn.Flatten(), Masked(64, 6), nn.ReLU(), Masked(6, 10))


def with_unused_head() -> nn.Module:
    """The same network with a head that is for training alone."""
    model = plain()
    model[3].add_module("aux", nn.Linear(3, 7))  # type: ignore[index]
    return model


@pytest.mark.parametrize("build", [own, with_unused_head])
def test_the_class_of_a_layer_and_unused_heads_change_nothing(build: type[nn.Module]) -> None:
    """The same layers and the same scores."""
    subject, expected = subject_of(build()), subject_of(plain())

    assert used_layers(subject) == [UsedLayer("1", "1.weight"), UsedLayer("3", "3.weight")]
    assert fisher_rao(subject) == pytest.approx(fisher_rao(expected), rel=1e-12)
    assert normalized_flat_minima(subject) == pytest.approx(normalized_flat_minima(expected), rel=1e-9)


def test_a_matrix_that_is_no_layer_is_named() -> None:
    """A recurrent layer has no depth."""

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = nn.GRU(8, 4, batch_first=True), nn.Linear(4, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.layer(x.squeeze(1))[0][:, -1])  # type: ignore[no-any-return]

    with pytest.raises(UnsupportedModelError, match="gru uses 'layer"):
        used_layers(subject_of(Recurrent()))
