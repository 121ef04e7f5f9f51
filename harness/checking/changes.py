"""Changes that keep the function of a network: the invariances that `gapbench check` reports.

Each maps a `Network` to one with the same function, up to a shift or a scale of all logits.
"""

import copy
import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from harness.checking.networks import ARCHITECTURES, NUM_CLASSES, STEPS, Network, network, trained

State = dict[str, Tensor]


@functools.cache
def bias_free() -> Network:
    """Return three linear layers with ReLU and without biases, trained on digits."""
    data = network("mlp")
    model, init_state = trained(_bias_free, data.inputs, data.labels, seed=0)
    twin, _ = trained(_bias_free, data.inputs, data.labels, seed=1)
    return replace(data, name="bias_free", model=model, init_state=init_state, twin=twin, build=_bias_free)


def _bias_free() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 10, bias=False), nn.ReLU(), nn.Linear(10, 8, bias=False), nn.ReLU(),
        nn.Linear(8, NUM_CLASSES, bias=False),
    )  # fmt: skip


@functools.cache
def fitted() -> Network:
    """Return the multilayer perceptron after more steps, so that every margin is positive."""
    data = network("mlp")
    model, init_state = trained(ARCHITECTURES["mlp"], data.inputs, data.labels, seed=0, steps=3 * STEPS)
    return replace(data, name="fitted", model=model, init_state=init_state)


def rescaled(state: State) -> State:
    """Multiply the first layer by four and divide the third by four: exact in binary, and the same function."""
    return {**state, "1.weight": state["1.weight"] * 4, "5.weight": state["5.weight"] / 4}


def renamed(state: State) -> State:
    """Reverse the order of the units of the first hidden layer."""
    changed = {**state, "1.weight": state["1.weight"].flip(0), "3.weight": state["3.weight"].flip(1)}
    return {**changed, "1.bias": state["1.bias"].flip(0)} if "1.bias" in state else changed


def shifted(state: State) -> State:
    """Add two to every output bias."""
    return {**state, "5.bias": state["5.bias"] + 2}


def scaled(state: State) -> State:
    """Double every logit."""
    return {**state, "5.weight": state["5.weight"] * 2, "5.bias": state["5.bias"] * 2}


def folded(model: nn.Module) -> nn.Module:
    """Fold the batch norms of a network in eval mode into the convolutions before them: the same function."""
    layers: list[nn.Module] = []
    for layer in copy.deepcopy(model).eval().children():
        if isinstance(layer, nn.BatchNorm2d):
            convolution = layers.pop()
            assert isinstance(convolution, nn.Conv2d)  # noqa: S101  the network is built so
            layers.append(fuse_conv_bn_eval(convolution, layer))
        else:
            layers.append(layer)
    return nn.Sequential(*layers).requires_grad_()


def _folded_network(data: Network) -> Network:
    start = copy.deepcopy(data.model)
    start.load_state_dict(data.init_state)
    return replace(
        data,
        name="folded",
        model=folded(data.model),
        init_state=folded(start).state_dict(),
        twin=folded(data.twin),
        build=_conv,
    )


def _conv() -> nn.Module:
    """Build the convolutional network as folding leaves it, for retraining."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, NUM_CLASSES),
    )  # fmt: skip


def _with_state(data: Network, rewrite: Callable[[State], State], *, at_both_ends: bool = False) -> Network:
    """Rewrite the trained weights of a network; with `at_both_ends` also the initial ones."""
    model = copy.deepcopy(data.model)
    model.load_state_dict(rewrite(data.model.state_dict()))
    return replace(data, model=model, init_state=rewrite(data.init_state) if at_both_ends else data.init_state)


def _duplicated(data: Network) -> Network:
    return replace(data, inputs=torch.cat([data.inputs, data.inputs]), labels=torch.cat([data.labels, data.labels]))


def _reclassed(data: Network) -> Network:
    """Reverse the order of the classes: in the labels, in the last layer before and after training, in the twin."""

    def rewrite(state: State) -> State:
        return {**state, "5.weight": state["5.weight"].flip(0), "5.bias": state["5.bias"].flip(0)}

    twin = copy.deepcopy(data.twin)
    twin.load_state_dict(rewrite(data.twin.state_dict()))
    changed = _with_state(data, rewrite, at_both_ends=True)
    return replace(changed, twin=twin, labels=NUM_CLASSES - 1 - data.labels)


# By name: the change in words, the network before, and the network after.
CHANGES: Final[dict[str, tuple[str, Callable[[], Network], Callable[[Network], Network]]]] = {
    "units": (
        "hidden units in another order",
        functools.partial(network, "mlp"),
        functools.partial(_with_state, rewrite=renamed, at_both_ends=True),
    ),
    "rescaling": ("4 W_1 and W_3 / 4 of a ReLU network", bias_free, functools.partial(_with_state, rewrite=rescaled)),
    "logit_scale": ("all logits doubled", fitted, functools.partial(_with_state, rewrite=scaled)),
    "logit_shift": ("a constant added to all logits", fitted, functools.partial(_with_state, rewrite=shifted)),
    "folding": ("batch norm folded into convolutions", functools.partial(network, "conv_bn"), _folded_network),
    "duplicates": ("every example twice", functools.partial(network, "mlp"), _duplicated),
    "classes": ("classes in another order", functools.partial(network, "mlp"), _reclassed),
}
