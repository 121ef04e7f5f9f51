"""Affine maps that are written by hand fold as batch norm does, and a normaliser at the input belongs to the data."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from measures.api import Subject
from measures.passes.weights.folded_network import folded_logits
from measures.passes.weights.folding import layers, operations
from tests.measures.networks import network

WAYS = ("x * s + b", "b + s * x", "(x - m) / d", "addcmul", "in place")


class FrozenNorm(nn.Module):
    """A batch norm of fixed statistics as a scale and a shift."""

    def __init__(self, norm: nn.BatchNorm2d, way: str) -> None:
        super().__init__()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight.detach() * (norm.running_var + norm.eps).rsqrt()
        self.way = way
        self.register_buffer("scale", scale.view(1, -1, 1, 1))
        self.register_buffer("shift", (norm.bias.detach() - norm.running_mean * scale).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """The map, as a test says."""
        scale, shift = self.get_buffer("scale"), self.get_buffer("shift")
        match self.way:
            case "x * s + b":
                return x * scale + shift
            case "b + s * x":
                return shift + scale * x
            case "(x - m) / d":
                return (x - (-shift / scale)) / (1 / scale)
            case "addcmul":
                return torch.addcmul(shift, x, scale)
            case _:
                return x.mul_(scale).add_(shift)


def conv_and(norm: nn.Module) -> nn.Module:
    """A convolution, a norm and a head, the same whatever the norm."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)).double()


def batch_norm() -> nn.BatchNorm2d:
    """A batch norm with random statistics and weights."""
    generator = torch.Generator().manual_seed(1)
    norm = nn.BatchNorm2d(4).double()
    for tensor in norm.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return norm


def subject_of(model: nn.Module, inputs: Tensor | None = None) -> Subject:
    """The network and the digits."""
    data = network("linear")
    return Subject(model, data.inputs if inputs is None else inputs, data.labels)


@pytest.mark.parametrize("way", WAYS)
def test_a_frozen_norm_folds_as_batch_norm_does(way: str) -> None:
    """The same weight, bias and operations, and the folded network is the network."""
    subject, expected = subject_of(conv_and(FrozenNorm(batch_norm(), way))), subject_of(conv_and(batch_norm()))

    for layer, other in zip(layers(subject), layers(expected), strict=True):
        assert torch.allclose(layer.weight, other.weight, rtol=1e-10)
        assert layer.bias is not None
        assert other.bias is not None
        assert torch.allclose(layer.bias, other.bias, rtol=1e-10)
    assert operations(subject) == operations(expected) == {"relu", "flatten"}
    logits = subject.logits_of(subject.inputs)
    assert torch.allclose(folded_logits(subject, layers(subject), subject.inputs), logits, rtol=1e-9)


class Around(nn.Module):
    """A convolution whose output is scaled by channel, and is used once more beside that."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3), nn.Linear(144, 10)
        self.register_buffer("scale", torch.arange(1.0, 5).view(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """A skip around the scale."""
        h = self.conv(x)
        return self.head((h * self.get_buffer("scale") + h).relu().flatten(1))  # type: ignore[no-any-return]


def test_a_scale_that_a_skip_goes_around_is_an_operation() -> None:
    """It is no part of the layer."""
    subject = subject_of(Around().double())

    assert layers(subject)[0].weight is subject.params["conv.weight"]
    assert "mul" in operations(subject)


class Normalised(nn.Module):
    """A normaliser before a network."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("mean", torch.tensor(0.3))
        self.register_buffer("deviation", torch.tensor(0.7).view(1, 1, 1, 1))

    def normalised(self, x: Tensor) -> Tensor:
        """The inputs as the inner network gets them."""
        return (x - self.get_buffer("mean")) / self.get_buffer("deviation")

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the normalised inputs."""
        return self.inner(self.normalised(x))  # type: ignore[no-any-return]


def test_a_normaliser_at_the_input_belongs_to_the_data() -> None:
    """The layers and operations are those of the network behind it."""
    model = Normalised(conv_and(nn.Identity())).double()
    subject = subject_of(model)
    inner = subject_of(model.inner, model.normalised(subject.inputs))

    assert torch.equal(layers(subject)[0].weight, layers(inner)[0].weight)
    assert operations(subject) == operations(inner)
    folded = folded_logits(subject, layers(subject), inner.inputs)
    assert torch.allclose(folded, subject.logits_of(subject.inputs), rtol=1e-10)


class Dynamic(nn.Module):
    """A convolution whose kernel is computed from the image."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.kernel, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 4 * 4 * 9), nn.Linear(4, 10)

    def forward(self, x: Tensor) -> Tensor:
        """One kernel for each example."""
        h = self.first(x).relu()
        kernel = self.kernel(h.mean((2, 3))).view(-1, 4, 3, 3)
        h = functional.conv2d(h.flatten(0, 1)[None], kernel, groups=len(x)).view(len(x), 4, 4, 4).relu()
        return self.head(h.mean((2, 3)))  # type: ignore[no-any-return]


def test_a_computed_kernel_is_no_weight() -> None:
    """Three layers of parameters; what the kernel does is an operation that bounds refuse."""
    subject = subject_of(Dynamic().double())

    assert [layer.name for layer in layers(subject)] == ["first", "kernel", "head"]
    assert "conv2d with a computed kernel" in operations(subject)


class Functional(nn.Module):
    """Two layers called from one forward."""

    def __init__(self) -> None:
        super().__init__()
        self.w1, self.w2 = nn.Parameter(torch.ones(24, 64)), nn.Parameter(torch.ones(10, 24))

    def forward(self, x: Tensor) -> Tensor:
        """Both layers."""
        return functional.linear(functional.linear(x.flatten(1), self.w1).relu(), self.w2)


def test_layers_of_one_module_are_named_by_their_weights() -> None:
    """Each is used once."""
    assert [layer.name for layer in layers(subject_of(Functional().double()))] == ["w1", "w2"]


def test_an_unused_head_is_no_layer() -> None:
    """A head for training alone leaves the layers as they are."""
    model = conv_and(nn.Identity())
    model.add_module("aux", nn.Identity())
    model.get_submodule("aux").register_parameter("weight", nn.Parameter(torch.ones(7, 3).double()))

    assert len(layers(subject_of(model))) == 2
