"""Places that everything passes through, on networks whose structure is known."""

import pytest
import torch
from torch import Tensor, nn

import measures.passes.activations.features as features_pass
from measures.api import Subject, UnsupportedModelError
from measures.passes.activations.bottlenecks import bottlenecks, forward_with_visitor, hidden_bottlenecks
from measures.passes.activations.features import compute_flow, features, flow
from tests.measures.networks import ARCHITECTURES, network

EXPECTED = {
    "linear": ["1"],
    "mlp": ["1", "3", "5"],
    "conv_bn": ["0", "4", "9"],
    "residual": [
        "conv1.0", "conv1.3", "conv1.6", "layer1.0.conv1", "layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1", "fc",
    ],
    "norm_free": ["stem.conv", "stages.0.0.downsample.conv", "stages.1.0.downsample.conv", "head.fc"],
    "vit": ["patch_embed.proj", "blocks.0.attn.qkv", "blocks.0.mlp.fc1", "head"],
    "mixer": ["stem.proj", "blocks.0.mlp_tokens.fc1", "blocks.0.mlp_channels.fc1", "head"],
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_places_are_between_layers_or_blocks(name: str) -> None:
    """Where no skip is open."""
    assert [place.layer for place in bottlenecks(network(name).subject())] == EXPECTED[name]


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_everything_after_a_place_follows_from_it(name: str) -> None:
    """With the activations of other examples put into any one place, the logits are those of the others."""
    subject = network(name).subject()
    mine, theirs = subject.inputs[:6], subject.inputs[6:12]
    kept: dict[int, Tensor] = {}

    def keep(number: int, activation: Tensor) -> Tensor:
        kept[number] = activation.clone()
        return activation

    expected = forward_with_visitor(subject, theirs, keep)
    assert torch.equal(expected, subject.logits_of(theirs))
    for chosen in range(len(bottlenecks(subject))):
        put = forward_with_visitor(subject, mine, lambda n, h, chosen=chosen: kept[n] if n == chosen else h)  # type: ignore[misc]
        assert torch.allclose(put, expected, rtol=1e-12, atol=1e-12)


class InPlace(nn.Module):
    """Two layers and a skip; writes over its activations where it can."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = self.first(x).relu_()
        y = self.second(x)
        x *= 0.5
        y += x
        return torch.as_tensor(self.third(y.relu_()))


def test_networks_that_work_in_place() -> None:
    """Gradients at the places are those of a network that does not."""
    torch.manual_seed(0)
    model = InPlace().double()
    x, y = torch.randn(5, 4).double(), torch.tensor([0, 1, 2, 0, 1])
    subject = Subject(model, x, y)
    assert [place.layer for place in bottlenecks(subject)] == ["first", "second", "third"]

    held = model.first(x).relu().detach().requires_grad_()
    logits = model.third((model.second(held) + 0.5 * held).relu())
    rival = logits.detach().scatter(1, y[:, None], -torch.inf).argmax(1)
    margins = (logits.gather(1, y[:, None]) - logits.gather(1, rival[:, None])).squeeze(1)
    (gradient,) = torch.autograd.grad(margins.sum(), held)

    found = compute_flow(subject, x, y)
    assert torch.allclose(found.margins, margins)
    assert torch.allclose(found.margin_gradients[1], gradient.square().sum(1))
    assert torch.allclose(found.activations[1], held.square().sum(1))


class SkipFromTheStart(nn.Module):
    """A skip that is open from before the first layer until after the second."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        x = x.flatten(1)
        return torch.as_tensor(self.third(x + self.second(self.first(x).relu())))


def test_the_input_is_the_only_place_before_the_first_layer() -> None:
    """What is done to it before that makes no second one."""
    subject = Subject(SkipFromTheStart(), torch.ones(3, 2, 2), torch.tensor([0, 1, 2]))

    assert [place.layer for place in bottlenecks(subject)] == ["first", "third"]


def test_probes_estimate_the_jacobian(conv_bn: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mean over many Rademacher vectors comes to the squared norm of the Jacobian, within five standard errors."""
    monkeypatch.setattr(features_pass, "NUM_PROBES", 400)
    estimate = flow(conv_bn).jacobians.mean(1)

    sums = []
    for place in range(3):
        total = 0.0
        for x in conv_bn.inputs[:, None]:
            held: list[Tensor] = []

            def visit(number: int, h: Tensor, held: list[Tensor] = held, place: int = place) -> Tensor:
                if number == place:
                    held.append(h)
                return h

            logits = forward_with_visitor(conv_bn, x.clone().requires_grad_(), visit)[0]
            total += sum(float(torch.autograd.grad(z, held[0], retain_graph=True)[0].square().sum()) for z in logits)
        sums.append(total / conv_bn.num_examples)
    assert estimate.tolist() == pytest.approx(sums, rel=5 * (2 / 400 / 36) ** 0.5 * 3)


def test_features_are_the_inputs_of_the_layers(conv_bn: Subject) -> None:
    """Pooled behind the first block; averaged over positions, of which one is left, before the last layer."""
    parts = list(conv_bn.model.children())
    x = conv_bn.inputs[conv_bn.sample(36)]
    first = nn.Sequential(*parts[:4])(x)
    found = features(conv_bn)

    assert found.first is not None
    assert torch.allclose(found.first, nn.functional.max_pool2d(first, 4).flatten(1))
    assert len(found.late) == 2
    assert torch.allclose(found.late[0], first.flatten(1))
    assert torch.allclose(found.penultimate, nn.Sequential(*parts[:9])(x))
    assert torch.allclose(found.logits, conv_bn.model(x))


def test_chunks_are_irrelevant(conv_bn: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part of the flow and of the features, in chunks of seven."""
    whole_flow, whole = flow(conv_bn), features(conv_bn)
    monkeypatch.setattr(features_pass, "CHUNK", 7)
    again = network("conv_bn").subject()

    for name in ("margins", "margin_gradients", "jacobians", "activations", "total_variance", "trimmed_deviation"):
        assert torch.allclose(getattr(flow(again), name), getattr(whole_flow, name)), name
    assert torch.allclose(features(again).penultimate, whole.penultimate)
    assert torch.allclose(features(again).logits, whole.logits)


class Parameters(nn.Module):
    """No layer at all."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return x * self.weight


def test_networks_without_layers_and_without_hidden_ones(linear: Subject) -> None:
    """Both are refused with the reason."""
    with pytest.raises(UnsupportedModelError, match="no convolution or linear layer"):
        bottlenecks(Subject(Parameters(), torch.ones(2, 2), torch.tensor([0, 1])))
    with pytest.raises(UnsupportedModelError, match="no hidden layer"):
        hidden_bottlenecks(linear)
