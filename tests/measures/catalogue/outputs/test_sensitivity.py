"""Sensitivity: closed forms of linear networks, Jacobians from torch.func, and switches one ReLU at a time."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev

import measures.passes.activations.features as features_pass
from measures.api import Subject, UnsupportedModelError
from measures.catalogue.outputs.sensitivity import (
    input_noise_sensitivity,
    jacobian_norm,
    linear_regions,
    local_lipschitz,
    logit_jacobian_norm,
    loss_curvature,
    noise_attenuation,
    robustness_law,
)
from measures.per_layer import Layered


def test_jacobian_norm_of_a_linear_softmax(linear: Subject) -> None:
    """For softmax(Wx + b) the Jacobian is (diag(p) - p p^T) W, that of the logits W."""
    weight = linear.params["1.weight"]
    p = linear.model(linear.inputs).softmax(-1)
    expected = np.mean([float(((q.diag() - q.outer(q)) @ weight).norm()) for q in p])

    assert jacobian_norm(linear) == pytest.approx(expected, rel=1e-10)
    assert logit_jacobian_norm(linear) == pytest.approx(float(weight.norm()), rel=1e-10)
    assert local_lipschitz(linear) == pytest.approx(float(torch.linalg.matrix_norm(weight, 2)), rel=1e-10)


def test_jacobians_of_every_example(conv_bn: Subject) -> None:
    """One at a time by torch.func."""

    def logits(x: Tensor) -> Tensor:
        return conv_bn.logits_of(x.unsqueeze(0)).squeeze(0)

    found = [jacrev(logits)(x).flatten(1) for x in conv_bn.inputs]
    soft = [jacrev(lambda x: logits(x).softmax(0))(x).flatten(1) for x in conv_bn.inputs]

    assert logit_jacobian_norm(conv_bn) == pytest.approx(np.mean([float(j.norm()) for j in found]), rel=1e-9)
    assert jacobian_norm(conv_bn) == pytest.approx(np.mean([float(j.norm()) for j in soft]), rel=1e-9)
    expected = max(float(torch.linalg.matrix_norm(j, 2)) for j in found)
    assert local_lipschitz(conv_bn) == pytest.approx(expected, rel=1e-9)


def test_the_law_of_robustness_of_a_linear_network(linear: Subject) -> None:
    """The spectral norm times the root of 650 parameters over 36 examples of 64 pixels."""
    norm = float(torch.linalg.matrix_norm(linear.params["1.weight"], 2))

    assert robustness_law(linear) == pytest.approx(norm * math.sqrt(650 / (36 * 64)), rel=1e-10)


def test_input_noise_of_a_linear_network() -> None:
    """||2 e|| / ||e|| is two; of many examples on one weight, sqrt(2 / pi) / sqrt(d) times what is left of it."""
    double = nn.Linear(3, 3).double()
    double.weight.data = 2 * torch.eye(3).double()
    assert input_noise_sensitivity(Subject(double, torch.zeros(5, 3), torch.zeros(5).long())) == pytest.approx(2)

    one = nn.Linear(2, 2).double()
    one.weight.data = torch.tensor([[1.0, 0], [0, 0]]).double()
    inputs = torch.arange(256.0).reshape(128, 2)
    spread = math.sqrt(1 / 2 - 4 / math.pi**2)  # |cos| of a uniform angle has mean 2 / pi and mean square 1/2
    score = input_noise_sensitivity(Subject(one, inputs, torch.zeros(128).long()))
    assert score == pytest.approx(2 / math.pi, abs=4 * spread / math.sqrt(128))


def test_input_noise_has_the_stated_size(linear: Subject) -> None:
    """For a quadratic network the change relative to the noise grows with the noise; at 0.1 it is what it is."""

    class Square(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1).double())

        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([self.scale * x.square(), torch.zeros_like(x)], 1)

    zeros = torch.zeros(128, 1, dtype=torch.float64)
    quadratic = Subject(Square(), zeros, torch.zeros(128).long())
    expected = 0.1 * math.sqrt(2 / math.pi)  # E |e|
    assert input_noise_sensitivity(quadratic) == pytest.approx(expected, rel=4 * 0.7555 / math.sqrt(128))
    assert linear.num_examples == 36


def test_curvature_of_the_loss(linear: Subject, mlp: Subject) -> None:
    """The Hessian of the loss by the input, example by example: of piecewise linear networks."""
    for subject in (linear, mlp):
        expected = []
        for x, y in zip(subject.inputs, subject.labels, strict=True):

            def loss(z: Tensor, subject: Subject = subject, y: Tensor = y) -> Tensor:
                return torch.nn.functional.cross_entropy(subject.logits_of(z.view(1, 1, 8, 8)), y[None])

            hessian = torch.autograd.functional.hessian(loss, x.flatten())
            expected.append(float(hessian.square().sum()))

        assert loss_curvature(subject) == pytest.approx(np.mean(expected), rel=1e-9)


def test_noise_attenuation_of_a_linear_network(linear: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Minus the logarithm of the mean of ||W||_F^2 ||x||^2 / ||Wx + b||^2."""
    monkeypatch.setattr(features_pass, "NUM_PROBES", 2000)
    weight = linear.params["1.weight"]
    ratios = [
        float(weight.square().sum() * x.square().sum() / linear.model(x[None]).square().sum()) for x in linear.inputs
    ]

    assert noise_attenuation(linear) == pytest.approx(-math.log(np.mean(ratios)), abs=0.02)


def test_noise_attenuation_is_the_mean_over_layers(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finite noise, small, at each activation; its mean over draws comes to the same."""
    monkeypatch.setattr(features_pass, "NUM_PROBES", 300)
    parts = list(mlp.model.children())
    generator = torch.Generator().manual_seed(0)
    found = []
    for begin, end in ((0, 0), (0, 3), (0, 5)):
        h = nn.Sequential(*parts[begin:end])(mlp.inputs).flatten(1).repeat(200, 1)
        rest = nn.Sequential(*parts[max(end, 1) :])
        noise = 1e-7 * torch.randn(h.shape, generator=generator, dtype=h.dtype)
        change = (rest(h + noise * h.norm(dim=1, keepdim=True)) - rest(h)).square().sum(1) / 1e-14
        found.append(-math.log(float((change / rest(h).square().sum(1)).mean())))

    score = noise_attenuation.compute(mlp)
    assert isinstance(score, Layered)
    assert [3 * score.layers[name] for name in ("1", "3", "5")] == pytest.approx(found, abs=0.06)
    assert score == pytest.approx(sum(score.layers.values()))


def test_transitions_of_one_relu() -> None:
    """A ReLU that is on in one half of the plane switches twice on every ellipse around its edge."""
    half = nn.Linear(2, 1).double()
    half.weight.data, half.bias.data = torch.tensor([[1.0, 0.1]]).double(), torch.tensor([-0.01]).double()
    network = nn.Sequential(half, nn.ReLU(), nn.Linear(1, 2).double())
    corners = torch.tensor([[1, 0], [-1, 1], [-1, -1.0]])

    assert linear_regions(Subject(network, corners, torch.tensor([0, 1, 1]))) == 2
    assert linear_regions(Subject(network, corners + 5, torch.tensor([0, 1, 1]))) == 0

    circle = torch.tensor([[1, 0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]]).double()
    first, second, third = circle[Subject(network, circle, torch.tensor([0, 1, 1])).sample(3)]
    angle = 2 * math.pi / 32  # the ReLU is on at one point of the circle alone, the second
    point = first * math.cos(angle) + (second - third) / math.sqrt(3) * math.sin(angle)
    half.weight.data, half.bias.data = point.unsqueeze(0), -torch.full((1,), 0.99).double()
    assert linear_regions(Subject(network, circle, torch.tensor([0, 1, 1]))) == 2


def test_transitions_one_point_at_a_time(mlp: Subject) -> None:
    """Ellipses through three examples each; every switch of every unit counts."""
    order = mlp.sample(36)
    total = 0
    for path in range(12):
        a, b, c = mlp.inputs[order][3 * path : 3 * path + 3]
        middle, codes = (a + b + c) / 3, []
        u, v = a - middle, (b - c) / math.sqrt(3)  # at angle 0 it is at a, at 120 degrees at b, at 240 at c
        for t in range(33):
            point = middle + u * math.cos(2 * math.pi * t / 32) + v * math.sin(2 * math.pi * t / 32)
            code, h = [], point.unsqueeze(0)
            for layer in mlp.model.children():
                if isinstance(layer, nn.ReLU):
                    code += (h > 0).flatten().tolist()
                h = layer(h)
            codes.append(code)
        assert middle.add(u * math.cos(2 * math.pi / 3) + v * math.sin(2 * math.pi / 3)).allclose(b)
        total += sum(x != y for now, then in itertools.pairwise(codes) for x, y in zip(now, then, strict=True))

    assert total > 0
    assert linear_regions(mlp) == total / 12


def test_paths_need_corners_and_relus(mlp: Subject, linear: Subject) -> None:
    """Two examples span no ellipse; softmax regression has nothing to switch; a dead network lets nothing through."""
    with pytest.raises(UnsupportedModelError, match="three training examples; there are 2"):
        linear_regions(Subject(mlp.model, mlp.inputs[:2], mlp.labels[:2]))
    with pytest.raises(UnsupportedModelError, match="no ReLU"):
        linear_regions(linear)
    mlp.model.load_state_dict({**mlp.params, "3.weight": mlp.params["3.weight"] * 0})
    with pytest.raises(UnsupportedModelError, match="at '1' does not reach"):
        noise_attenuation(Subject(mlp.model, mlp.inputs, mlp.labels))
