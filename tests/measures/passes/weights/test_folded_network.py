"""The network as a function of its folded weights: the same function, blind to scales that batch norm undoes."""

import copy

import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.sharpness.box_sharpness import sharpness_flatness, sharpness_mag_flatness
from measures.catalogue.sharpness.pac_bayes import iiw, pacbayes_flatness, pacbayes_mag_flatness, pacbayes_orig
from measures.passes.weights.folded_network import folded_network, initial_params
from measures.scoring import numerics
from tests.measures.networks import Network, network

SCALED = [pacbayes_flatness, pacbayes_mag_flatness, pacbayes_orig, iiw, sharpness_flatness, sharpness_mag_flatness]


def stretched(data: Network, factor: float) -> Subject:
    """A network whose convolutions before batch norm are multiplied, the statistics following."""
    model = copy.deepcopy(data.model)
    before = None
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert before is not None
            assert module.running_mean is not None
            assert module.running_var is not None
            for p in before.parameters():
                p.data *= factor
            module.running_mean *= factor
            module.running_var.copy_((module.running_var + module.eps) * factor**2 - module.eps)
        before = module if isinstance(module, nn.Conv2d) else before
    return Subject(model, data.inputs, data.labels, init_state=data.init_state)


def test_it_is_the_same_function(subject: Subject) -> None:
    """Of every network, and differentiable in what is learned."""
    found = folded_network(subject)
    with numerics():
        leaves = {name: p.detach().requires_grad_() for name, p in found.params.items()}
        answers = found.forward(leaves, subject.inputs)

        torch.testing.assert_close(answers, subject.logits_of(subject.inputs))
        torch.testing.assert_close(found.forward({**found.params, **found.norms}, subject.inputs), answers)
        slopes = torch.autograd.grad(answers.square().sum(), list(leaves.values()), allow_unused=True)
    assert all(slope is not None and slope.any() for slope in slopes)


@pytest.mark.parametrize("measure", SCALED, ids=lambda measure: measure.name)
@pytest.mark.parametrize("name", ["conv_bn", "residual"])
def test_a_scale_that_batch_norm_undoes_counts_for_nothing(name: str, measure: object) -> None:
    """Three times the weights before each batch norm, the same function, the same score."""
    assert callable(measure)
    data = network(name)

    assert measure(stretched(data, 3)) == pytest.approx(measure(data.subject()), rel=1e-6)


def test_the_parameters_of_conv_bn(conv_bn: Subject) -> None:
    """Weight and bias of each layer, by hand; batch norm's own are gone, and are an identity beside them."""
    found = folded_network(conv_bn)
    norm = conv_bn.model.get_submodule("1")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()

    assert set(found.params) == {f"{layer}.{kind}" for layer in (0, 4, 9) for kind in ("weight", "bias")}
    assert found.weight_names == ("0.weight", "4.weight", "9.weight")
    torch.testing.assert_close(found.params["0.weight"], conv_bn.params["0.weight"] * scale[:, None, None, None])
    torch.testing.assert_close(found.params["0.bias"], norm.bias - norm.running_mean * scale)
    assert {name: float(value.mean()) for name, value in found.norms.items()} == {
        "0.norm.weight": 1, "0.norm.bias": 0, "4.norm.weight": 1, "4.norm.bias": 0,
    }  # fmt: skip


def test_a_perturbed_norm_scales_and_shifts_its_layer(conv_bn: Subject) -> None:
    """Gain two and shift one after the first layer are those of its weight and bias."""
    found = folded_network(conv_bn)
    moved = {**found.params, **found.norms, "0.norm.weight": torch.full((4,), 2.0), "0.norm.bias": torch.ones(4)}
    by_hand = {**found.params, "0.weight": 2 * found.params["0.weight"], "0.bias": 2 * found.params["0.bias"] + 1}

    torch.testing.assert_close(found.forward(moved, conv_bn.inputs), found.forward(by_hand, conv_bn.inputs))


def test_networks_without_batch_norm_are_as_they_are(mlp: Subject, vit: Subject) -> None:
    """Their parameters are the network's own, also where layers cannot be told."""
    for subject in (mlp, vit):
        assert folded_network(subject).params is subject.params
    twice = nn.Sequential(nn.Flatten(), layer := nn.Linear(64, 64), nn.ReLU(), layer, nn.Linear(64, 10))
    subject = Subject(twice, torch.randn(3, 1, 8, 8), torch.tensor([0, 1, 2]))
    assert folded_network(subject).params is subject.params


def test_standardised_weights_are_those_that_act(norm_free: Subject) -> None:
    """What reaches the convolution; gains of the standardisation belong to it."""
    found = folded_network(norm_free)

    assert not found.norms
    assert not any(name.endswith("gain") for name in found.params)
    assert len(found.params) < len(norm_free.params)


def test_batch_norm_that_follows_no_layer_is_refused() -> None:
    """It cannot be folded, and noise would be on weights whose scale says nothing."""
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(64, 10)).eval()
    with pytest.raises(UnsupportedModelError, match="folded"):
        folded_network(Subject(model, torch.randn(3, 1, 8, 8), torch.tensor([0, 1, 2])))


def test_the_start_is_folded_with_the_statistics_of_the_start() -> None:
    """The result is that of folding the initial network by itself."""
    data = network("conv_bn")
    model = data.build().double()
    model.load_state_dict(data.init_state)
    start = folded_network(Subject(model, data.inputs, data.labels)).params
    found = initial_params(data.subject()._with_needs(frozenset({"init"})))

    assert found.keys() == start.keys()
    for name, value in start.items():
        torch.testing.assert_close(found[name], value)
