"""Distances from initialization against naive transcriptions."""

import math

import pytest
import torch
from torch.nn.utils.fusion import fuse_conv_bn_weights

from measures.api import Subject, UnsupportedModel
from measures.distance import fro_dist, l2_dist
from tests.measures.networks import network


def test_distance_of_raw_layers(mlp: Subject) -> None:
    """Weights count, biases do not."""
    start = network("mlp").init_state
    expected = sum(float((mlp.params[name] - start[name]).norm() ** 2) for name in ("1.weight", "3.weight", "5.weight"))

    assert fro_dist(mlp) == pytest.approx(expected, rel=1e-12)
    assert l2_dist(mlp) == pytest.approx(math.sqrt(expected), rel=1e-12)


def test_distance_of_folded_layers(conv_bn: Subject) -> None:
    """Each end is folded with its own batch norm."""
    start, end = network("conv_bn").init_state, network("conv_bn").model.state_dict()
    expected = float((end["9.weight"] - start["9.weight"]).square().sum())
    for conv, norm in (("0", "1"), ("4", "5")):
        trained, initial = (
            fuse_conv_bn_weights(
                state[f"{conv}.weight"], state.get(f"{conv}.bias"), state[f"{norm}.running_mean"],
                state[f"{norm}.running_var"], 1e-5, state[f"{norm}.weight"], state[f"{norm}.bias"],
            )[0]
            for state in (end, start)
        )  # fmt: skip
        expected += float((trained - initial).square().sum())

    assert fro_dist(conv_bn) == pytest.approx(expected, rel=1e-12)


def test_an_untrained_network_has_gone_nowhere(residual: Subject) -> None:
    """Zero from its own state, and unsupported where no start is known."""
    state = residual.model.state_dict()
    still = Subject(residual.model, residual.inputs, residual.labels, init_state=state)

    assert fro_dist(still) == 0
    with pytest.raises(UnsupportedModel, match="'init'"):
        l2_dist(Subject(residual.model, residual.inputs, torch.zeros_like(residual.labels)))
