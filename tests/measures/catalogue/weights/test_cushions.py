"""Cushions of layers against the definitions, one example and one Jacobian at a time."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.weights.cushions import arora_compress
from tests.measures.networks import network


def by_definition(layers: list[nn.Linear], inputs: Tensor, labels: Tensor) -> tuple[float, list[float]]:
    """The measure and its terms; Jacobians are torch's."""
    awake, outputs = [], []
    for x in inputs.flatten(1):
        z, zs = x, []
        for i, layer in enumerate(layers):
            z = layer(z.relu() if i else z)
            zs.append(z.detach())
        if all((h > 0).any() for h in zs[:-1]):
            awake.append((x, zs))
        outputs.append(zs[-1])
    d = len(layers)
    c = max([1.0, *(float(h.norm() / h.relu().norm()) for _, zs in awake for h in zs[:-1])])
    terms = []
    for i, layer in enumerate(layers):
        W = layer.weight.detach()
        cushion = min(
            float((W @ a).norm() / (W.norm() * a.norm())) for a in (zs[i - 1].relu() if i else x for x, zs in awake)
        )
        onward = [layer.out_features**-0.5]
        for j in range(i + 1, d):

            def interlayer(z: Tensor, i: int = i, j: int = j) -> Tensor:
                for following in layers[i + 1 : j + 1]:
                    z = following(z.relu())
                return z

            for _, zs in awake:
                J = jacrev(interlayer)(zs[i]).detach()
                onward.append(float((J @ zs[i]).norm() / (J.norm() * zs[i].norm())))
        terms.append(1 / (cushion * min(onward)) ** 2)
    f = torch.stack(outputs)
    margins = f.gather(1, labels[:, None])[:, 0] - f.scatter(1, labels[:, None], -math.inf).amax(1)
    gamma = max(float(margins.quantile(0.1)), 1e-3)
    largest = max(float(zs[-1].norm()) ** 2 for _, zs in awake)
    factor = (c * d) ** 2 * largest / gamma**2 / len(inputs)
    return factor * sum(terms), [factor * term for term in terms]


@pytest.mark.parametrize("biases", [True, False])
def test_the_bound_by_its_definition(biases: bool) -> None:
    """Three layers, with and without biases, of which some units sleep."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        layers = [nn.Linear(64, 20, bias=biases), nn.Linear(20, 15, bias=biases), nn.Linear(15, 10, bias=biases)]
    model = nn.Sequential(
        nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.Dropout(), nn.ReLU(), layers[2]
    ).double().eval()  # fmt: skip
    data = network("mlp")
    labels = model(data.inputs).argmax(1)
    subject = Subject(model, data.inputs, labels)
    expected, terms = by_definition(layers, data.inputs, labels)

    found = arora_compress(subject)
    assert found == pytest.approx(expected, rel=1e-9)
    assert list(found.layers.values()) == pytest.approx(terms, rel=1e-9)  # type: ignore[attr-defined]  # typed float


def test_silent_examples_are_left_out() -> None:
    """The trained network has a hidden layer that is silent at some examples; a margin below the floor counts as it."""
    data = network("mlp")
    layers = [module for module in data.model if isinstance(module, nn.Linear)]  # type: ignore[attr-defined]
    expected, _ = by_definition(layers, data.inputs, data.labels)

    assert arora_compress(data.subject()) == pytest.approx(expected, rel=1e-9)


def test_softmax_regression_has_one_cushion() -> None:
    """D = 1, c = 1: the layer's own cushion and one over the root of the width."""
    data = network("linear")
    subject = data.subject()
    W = subject.params["1.weight"]
    cushion = min(float((W @ x).norm() / (W.norm() * x.norm())) for x in data.inputs.flatten(1))
    logits = subject.logits_of(data.inputs)
    others = logits.scatter(1, data.labels[:, None], -math.inf).amax(1)
    gamma = float((logits.gather(1, data.labels[:, None])[:, 0] - others).quantile(0.1))

    assert gamma > 1e-3
    expected = float(logits.square().sum(1).max()) / gamma**2 / 36 * 10 / cushion**2
    assert arora_compress(subject) == pytest.approx(expected, rel=1e-9)


def chain(*modules: nn.Module) -> Subject:
    """A network of these on the digits."""
    data = network("mlp")
    return Subject(nn.Sequential(nn.Flatten(), *modules).double(), data.inputs, data.labels)


def test_other_networks_are_refused() -> None:
    """Another activation, layers that do not fit each other, all silent; convolutions."""
    with pytest.raises(UnsupportedModelError, match="applies other operations"):
        arora_compress(chain(nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10)))
    with pytest.raises(UnsupportedModelError, match="is a convolution"):
        arora_compress(network("conv_bn").subject())
    halves = nn.Sequential(nn.Linear(64, 8), nn.Unflatten(1, (2, 4)), nn.Linear(4, 5), nn.Flatten())
    with pytest.raises(UnsupportedModelError, match="do not form a chain"):
        arora_compress(chain(halves))
    silent = nn.Linear(64, 8)
    nn.init.zeros_(silent.weight)
    nn.init.constant_(silent.bias, -1)
    with pytest.raises(UnsupportedModelError, match="only zero activations"):
        arora_compress(chain(silent, nn.ReLU(), nn.Linear(8, 10)))


def test_a_black_image_is_left_out() -> None:
    """No layer lets more through of it than of noise, nor less."""
    data = network("linear")
    inputs = torch.cat([data.inputs, torch.zeros(1, 1, 8, 8)])
    labels = torch.cat([data.labels, data.model(inputs[-1:]).argmax(1)])
    layers = [module for module in data.model if isinstance(module, nn.Linear)]  # type: ignore[attr-defined]
    expected, _ = by_definition(layers, data.inputs, data.labels)
    found = arora_compress(Subject(data.model, inputs, labels))

    assert found * 37 == pytest.approx(expected * 36, rel=0.5), "but for the margin of the image"


def test_a_layer_that_lets_nothing_through_is_refused() -> None:
    """One pixel that the first layer does not look at, and an image of it alone."""
    data = network("mlp")
    inputs = data.inputs.clone()
    inputs[0] = 0
    inputs[0, 0, 0, 0] = 1
    layer = nn.Linear(64, 10).double()
    layer.weight.data[:, 0] = 0
    with pytest.raises(UnsupportedModelError, match="cushion is zero"):
        arora_compress(Subject(nn.Sequential(nn.Flatten(), layer), inputs, data.labels))
