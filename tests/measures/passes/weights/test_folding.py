"""Folding leaves the function of a network as it is, and refuses where there is nothing to fold into."""

import itertools
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

from measures.api import Need, Subject, UnsupportedModelError
from measures.passes.weights.folded_network import folded_logits
from measures.passes.weights.folding import initial_layers, layers, operations
from tests.measures.networks import network, trained

BOTH_ENDS: frozenset[Need] = frozenset({"init"})


def subject_of(model: nn.Module) -> Subject:
    """A subject with this network, trained for a few steps on digits."""
    data = network("linear")
    after, init_state = trained(lambda: model, data.inputs, data.labels, seed=0, steps=3)
    return Subject(after, data.inputs, data.labels, init_state=init_state)


def linear_bn() -> nn.Module:
    """Linear layers under batch norm, with and without a bias, one of them under two."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(inplace=True),
        nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Identity(), nn.BatchNorm1d(6, affine=False), nn.ReLU(), nn.Linear(6, 10),
    )  # fmt: skip


def test_the_folded_network_is_the_network(subject: Subject) -> None:
    """Without its batch norm and with the folded layers it answers the same."""
    expected = subject.logits_of(subject.inputs)

    assert torch.allclose(folded_logits(subject, layers(subject), subject.inputs), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", ["mlp", "conv_bn", "residual", "norm_free"])
def test_the_folded_network_at_initialization_is_the_network_then(name: str) -> None:
    """The initial layers carry the statistics of the start; these networks learn nothing outside of their layers."""
    subject = network(name).subject()
    granted = subject._with_needs(BOTH_ENDS)
    expected = granted.forward({**granted.init_buffers, **granted.init_params}, subject.inputs)
    folded = folded_logits(subject, initial_layers(granted), subject.inputs)

    assert torch.allclose(folded, expected, rtol=1e-10, atol=1e-10)


def test_linear_layers_fold() -> None:
    """Batch norm after a linear layer folds, with or without a bias, and so does a second one."""
    subject = subject_of(linear_bn())
    state = subject.model.state_dict()
    expected_weight, expected_bias = fuse_linear_bn_weights(
        state["1.weight"], cast("Tensor", None), state["2.running_mean"], state["2.running_var"], 1e-5,
        state["2.weight"], state["2.bias"],
    )  # fmt: skip
    first = layers(subject)[0]

    assert torch.allclose(first.weight, expected_weight, rtol=1e-12)
    assert first.bias is not None
    assert torch.allclose(first.bias, expected_bias, rtol=1e-12)
    assert torch.allclose(
        folded_logits(subject, layers(subject), subject.inputs),
        subject.logits_of(subject.inputs),
        rtol=1e-10,
        atol=1e-10,
    )


def test_convolutions_fold_as_torch_folds_them(conv_bn: Subject) -> None:
    """Torch's own fusion gives the same weights, at either end of training."""
    granted = conv_bn._with_needs(BOTH_ENDS)
    ends = [
        (layers(granted), {**granted.params, **granted.buffers}),
        (initial_layers(granted), {**granted.init_params, **granted.init_buffers}),
    ]
    for (found, state), (place, conv, norm) in itertools.product(ends, [(0, "0", "1"), (1, "4", "5")]):
        weight, bias = fuse_conv_bn_weights(
            state[f"{conv}.weight"], state.get(f"{conv}.bias"), state[f"{norm}.running_mean"],
            state[f"{norm}.running_var"], 1e-5, state[f"{norm}.weight"], state[f"{norm}.bias"],
        )  # fmt: skip
        layer = found[place]
        assert layer.bias is not None
        assert torch.allclose(layer.weight, weight, rtol=1e-12)
        assert torch.allclose(layer.bias, bias, rtol=1e-12)


def test_standardised_weights_are_those_that_are_applied(norm_free: Subject) -> None:
    """Of a weight-standardised convolution the layer is gain * scale * (w - mean) / sqrt(var + eps)."""
    module = norm_free.model.get_submodule("stages.0.0.conv2")
    raw = norm_free.params["stages.0.0.conv2.weight"]
    centred = raw - raw.mean((1, 2, 3), keepdim=True)
    variance = centred.square().mean((1, 2, 3), keepdim=True)
    gain = norm_free.params["stages.0.0.conv2.gain"] * cast("float", module.scale)
    expected = gain * centred / (variance + cast("float", module.eps)).sqrt()
    found = {layer.name: layer.weight for layer in layers(norm_free)}

    assert torch.allclose(found["stages.0.0.conv2"], expected, rtol=1e-10)


def test_layer_norm_leaves_the_raw_weights(vit: Subject) -> None:
    """Nothing is folded into the layers of a transformer, and every one of them is found."""
    found = {layer.name: layer for layer in layers(vit)}
    expected = {name for name, module in vit.model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)}

    assert set(found) == expected
    assert all(layer.weight is vit.params[f"{name}.weight"] for name, layer in found.items())
    assert {"layer_norm", "gelu", "scaled_dot_product_attention"} <= operations(vit)


def test_operations_name_what_stands_between_layers(residual: Subject, norm_free: Subject) -> None:
    """Folded batch norm is none of them."""
    assert operations(residual) == {"relu", "max_pool2d", "add", "adaptive_avg_pool2d", "flatten"}
    assert operations(norm_free) - operations(residual) == {"scale", "avg_pool2d", "dropout"}


class _Calls(nn.Module):
    """Two linear layers of 64 units and a batch norm, called as a test says."""

    def __init__(self, order: str) -> None:
        super().__init__()
        self.order = order
        self.first, self.second, self.norm = nn.Linear(64, 64), nn.Linear(64, 10), nn.BatchNorm1d(64)

    def forward(self, inputs: Tensor) -> Tensor:
        x = inputs.flatten(1)
        if self.order == "norm first":
            x = self.first(self.norm(x))
        elif self.order == "norm after relu":
            x = self.norm(torch.relu_(self.first(x)))
        elif self.order == "norm and a skip around it":
            hidden = self.first(x)
            x = self.norm(hidden) + hidden
        elif self.order == "one layer twice":
            x = self.first(self.first(x).relu())
        return cast("Tensor", self.second(x))


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("norm first", "'norm' does not follow"),
        ("norm after relu", "'norm' does not follow"),
        ("norm and a skip around it", "'first' must go to batch norm alone"),
        ("one layer twice", "'first' is used 2 times"),
    ],
)
def test_what_cannot_be_folded_is_refused(order: str, reason: str) -> None:
    """The reason names the layer."""
    with pytest.raises(UnsupportedModelError, match=reason):
        layers(subject_of(_Calls(order)))


class _Attention(nn.Module):
    """Torch's own attention, whose layers are hidden in one function."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        rows = inputs.squeeze(1)
        return cast("Tensor", self.head(self.attention(rows, rows, rows)[0].mean(1)))


def test_hidden_layers_are_refused() -> None:
    """A learned matrix that no convolution or linear layer uses cannot be left out in silence."""
    with pytest.raises(UnsupportedModelError, match="Only convolutions and linear layers are known"):
        layers(subject_of(_Attention()))
    with pytest.raises(UnsupportedModelError, match=r"conv_transpose2d uses '0\.weight'"):
        layers(subject_of(nn.Sequential(nn.ConvTranspose2d(1, 2, 3), nn.Flatten(), nn.Linear(200, 10))))


def test_watching_leaves_no_hook(residual: Subject) -> None:
    """The network is as it was."""
    layers(residual)

    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in residual.model.modules())


def test_a_convolution_says_what_it_meets() -> None:
    """The size of its input, its stride, dilation and groups; linear layers have none."""
    data = network("linear")
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, stride=(2, 1), padding=2, dilation=2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 10),
    ).double()  # fmt: skip

    first, second, last = layers(Subject(model, data.inputs, data.labels))

    assert (first.input_size, first.stride, first.dilation, first.groups) == ((8, 8), (1, 1), (1, 1), 1)
    assert (second.input_size, second.stride, second.dilation, second.groups) == ((4, 4), (2, 1), (2, 2), 2)
    assert (last.input_size, last.stride, last.dilation, last.groups) == ((), (), (), 1)
