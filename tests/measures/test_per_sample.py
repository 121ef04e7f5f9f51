"""Per-sample gradients are those that autograd finds example by example, whichever path made them."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from measures.api import Subject
from measures.passes import per_sample
from measures.passes.per_sample import GradientStatistics, gradient_statistics
from measures.scoring import numerics


def one_by_one(subject: Subject) -> dict[str, Tensor]:
    """Gradient at each example, by parameter [n, *shape], with one backward pass each."""
    params = {name: p.clone().requires_grad_() for name, p in subject.params.items()}
    gradients = []
    for x, y in zip(subject.inputs, subject.labels, strict=True):
        loss = cross_entropy(subject.forward(params, x.unsqueeze(0)), y.unsqueeze(0))
        gradients.append(torch.autograd.grad(loss, list(params.values()), materialize_grads=True))
    return {name: torch.stack(parts) for name, parts in zip(params, zip(*gradients, strict=True), strict=True)}


def assert_are_of(found: GradientStatistics, gradients: dict[str, Tensor], params: dict[str, Tensor]) -> None:
    """The statistics of these gradients, by their definitions."""
    squared_norms = sum(g.flatten(1).square().sum(1) for g in gradients.values())
    dots = sum((g * params[name]).flatten(1).sum(1) for name, g in gradients.items())
    torch.testing.assert_close(found.squared_norms, squared_norms, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(found.dots, dots, rtol=1e-9, atol=1e-12)
    mean = {name: g.mean(0) for name, g in gradients.items()}
    torch.testing.assert_close(found.mean, mean, rtol=1e-9, atol=1e-14)
    mean_square = {name: g.square().mean(0) for name, g in gradients.items()}
    torch.testing.assert_close(found.mean_square, mean_square, rtol=1e-9, atol=1e-14)


def with_network(model: nn.Module, like: Subject) -> Subject:
    """The data of a subject under another network, in float64."""
    torch.nn.utils.vector_to_parameters(  # weights that no generator has to draw
        torch.linspace(-1, 1, sum(p.numel() for p in model.parameters())).sin() / 4, model.parameters()
    )
    return Subject(model.double(), like.inputs, like.labels)


class Twice(nn.Module):
    """One layer used twice, which sums its two gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """The layer twice, then the head."""
        return self.head(self.layer(self.layer(x.flatten(1)).tanh()).tanh())  # type: ignore[no-any-return]


class Tied(nn.Module):
    """Two layers of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        """Both layers, then the head."""
        return self.head(self.second(self.first(x.flatten(1)).tanh()).tanh())  # type: ignore[no-any-return]


class Rows(nn.Module):
    """A linear layer on each of the eight rows of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(8, 3), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Rows, then the head."""
        return self.head(self.layer(x.squeeze(1)).relu().flatten(1))  # type: ignore[no-any-return]


class Doubled(nn.Linear):
    """A linear layer that is not what its name says."""

    def forward(self, x: Tensor) -> Tensor:
        """Twice what a linear layer answers."""
        return 2 * super().forward(x)


PLAIN: list[nn.Module] = [
    nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 10)),
    nn.Sequential(nn.Flatten(), nn.Linear(64, 9, bias=False), nn.GELU(), nn.Linear(9, 10, bias=False)),
]
GENERAL: list[nn.Module] = [
    Twice(),
    Tied(),
    Rows(),
    nn.Sequential(nn.Flatten(), Doubled(64, 10)),
    nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(inplace=True), nn.Linear(9, 10)),
]


def test_gradient_of_a_linear_softmax(linear: Subject) -> None:
    """The gradient of the weight is (p - y) x^T and that of the bias p - y."""
    x = linear.inputs.flatten(1)
    delta = linear.logits_of(linear.inputs).softmax(1) - one_hot(linear.labels, 10)
    gradients = {"1.weight": delta.unsqueeze(2) * x.unsqueeze(1), "1.bias": delta}

    assert_are_of(gradient_statistics(linear), gradients, linear.params)


def test_every_family_has_the_gradients_of_autograd(subject: Subject) -> None:
    """All statistics, of every network."""
    with numerics():
        found = gradient_statistics(subject)

    assert_are_of(found, one_by_one(subject), subject.params)


@pytest.mark.parametrize("model", PLAIN + GENERAL, ids=lambda model: type(model).__name__)
def test_unusual_linear_networks(model: nn.Module, mlp: Subject) -> None:
    """In-place activations, layers without bias, shared layers, tied weights, sequences, subclasses."""
    subject = with_network(model, mlp)

    assert_are_of(gradient_statistics(subject), one_by_one(subject), subject.params)


def test_only_plain_networks_take_the_path_of_outer_products(mlp: Subject, vit: Subject, conv_bn: Subject) -> None:
    """It holds for linear layers on one vector an example, each used once; anything else takes vmap."""
    plain = [mlp, *(with_network(model, mlp) for model in PLAIN)]
    general = [vit, conv_bn, *(with_network(model, mlp) for model in GENERAL)]

    assert [per_sample._has_only_linear_layers(s) for s in plain] == [True] * len(plain)
    assert [per_sample._has_only_linear_layers(s) for s in general] == [False] * len(general)


def test_a_head_outside_of_the_layers_is_not_forgotten(mlp: Subject) -> None:
    """A parameter that belongs to no layer sends the network to the general path."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.scale = nn.Linear(64, 10), nn.Parameter(torch.ones(10))

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x.flatten(1)) * self.scale  # type: ignore[no-any-return]

    subject = with_network(Scaled(), mlp)

    assert not per_sample._has_only_linear_layers(subject)
    assert_are_of(gradient_statistics(subject), one_by_one(subject), subject.params)


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_chunks_add_up(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of seven, the last one smaller, give what one chunk gives."""
    subject: Subject = request.getfixturevalue(name)
    monkeypatch.setattr(per_sample, "CHUNK", 7)
    monkeypatch.setattr(per_sample, "EXAMPLES_AT_ONCE", 7)

    assert_are_of(gradient_statistics(subject), one_by_one(subject), subject.params)


def test_memory_bounds_the_chunk(conv_bn: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients of one chunk hold at most FLOATS_AT_ONCE numbers, but for a single example."""
    num_params = sum(p.numel() for p in conv_bn.params.values())
    monkeypatch.setattr(per_sample, "FLOATS_AT_ONCE", 5 * num_params + 1)
    assert per_sample.chunk_size(conv_bn) == 5
    monkeypatch.setattr(per_sample, "FLOATS_AT_ONCE", 1)
    assert per_sample.chunk_size(conv_bn) == 1


def test_hooks_are_gone_afterwards(mlp: Subject) -> None:
    """The pass listens to the network and leaves no hook behind."""
    gradient_statistics(mlp)

    assert not any(module._forward_hooks for module in mlp.model.modules())


def test_a_linear_layer_whose_weight_is_not_trained(mlp: Subject) -> None:
    """The fixed weight, a buffer, has no gradient; that of its bias and of the layers around it is as it was."""
    fixed = copy.deepcopy(mlp.model)
    layer = next(module for module in fixed.modules() if isinstance(module, nn.Linear))
    weight = layer.weight.detach()
    del layer.weight
    layer.register_buffer("weight", weight)
    statistics = gradient_statistics(Subject(fixed, mlp.inputs, mlp.labels))
    whole = gradient_statistics(mlp)

    assert len(statistics.mean) == len(whole.mean) - 1
    for name, mean in statistics.mean.items():
        torch.testing.assert_close(mean, whole.mean[name], rtol=1e-9, atol=1e-12)
    assert (statistics.squared_norms < whole.squared_norms).all()
