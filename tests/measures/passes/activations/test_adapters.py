"""A layer with a low-rank adapter is the layer into which the adapter is merged."""

import torch
from torch import Tensor, nn

from measures.api import Subject
from measures.passes.activations.used_layers import used_layers
from measures.passes.weights.folded_network import folded_logits
from measures.passes.weights.folding import layers, operations
from tests.measures.networks import network

SCALE = 0.5


class Adapted(nn.Module):
    """A linear layer with an adapter of rank two."""

    def __init__(self, *, skip: bool = False) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.skip = skip
        self.base, self.down, self.up = nn.Linear(64, 12), nn.Linear(64, 2, bias=False), nn.Linear(2, 12)
        self.dropout, self.head = nn.Dropout(0.1), nn.Linear(12, 10)
        for p in self.parameters():
            p.data = torch.randn(p.shape, generator=generator) / 4

    def forward(self, x: Tensor) -> Tensor:
        """The layer, ReLU and a head; with a skip around the adapter it is another network."""
        x = x.flatten(1)
        low = self.up(self.down(self.dropout(x))) * SCALE
        hidden = self.base(x) + low
        return self.head((hidden + low if self.skip else hidden).relu())  # type: ignore[no-any-return]


def merged(model: Adapted) -> nn.Module:
    """The same network with the adapter merged into the layer."""
    plain = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.ReLU(), nn.Linear(12, 10))
    plain.load_state_dict({
        "1.weight": model.base.weight + SCALE * model.up.weight @ model.down.weight,
        "1.bias": model.base.bias + SCALE * model.up.bias,
        "3.weight": model.head.weight,
        "3.bias": model.head.bias,
    })  # fmt: skip
    return plain


def subject_of(model: nn.Module) -> Subject:
    """The network and the digits."""
    data = network("linear")
    return Subject(model.double(), data.inputs, data.labels)


def test_an_adapter_is_merged_into_its_layer() -> None:
    """The same weights, biases and operations; with the folded layers it is the network."""
    subject, expected = subject_of(Adapted()), subject_of(merged(Adapted()))

    assert torch.allclose(subject.logits_of(subject.inputs), expected.logits_of(subject.inputs), rtol=1e-5, atol=1e-5)
    for layer, other in zip(layers(subject), layers(expected), strict=True):
        assert torch.allclose(layer.weight, other.weight, rtol=1e-5, atol=1e-6)
        assert layer.bias is not None
        assert other.bias is not None
        assert torch.allclose(layer.bias, other.bias, rtol=1e-5, atol=1e-6)
    assert operations(subject) - {"dropout"} == operations(expected)
    assert [layer.name for layer in used_layers(subject)] == ["base", "head"]
    logits = subject.logits_of(subject.inputs)
    assert torch.allclose(folded_logits(subject, layers(subject), subject.inputs), logits, rtol=1e-10)


def test_an_adapter_that_is_used_elsewhere_is_none() -> None:
    """Three layers beside the head, and sums of activations."""
    subject = subject_of(Adapted(skip=True))

    assert len(layers(subject)) == 4
    assert "add" in operations(subject)
