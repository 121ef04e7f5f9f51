"""Margins against closed forms and naive loops."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.outputs.input_margins import input_margin
from measures.catalogue.outputs.margins import aum, inverse_margin, mean_margin, norm_margin_fro, norm_margin_spec
from measures.passes.activations.outputs import output_margin
from tests.measures.networks import network


def margins_by_hand(subject: Subject) -> list[float]:
    """Logit of the label minus the largest other, one example at a time."""
    found = []
    for x, y in zip(subject.inputs, subject.labels.tolist(), strict=True):
        answer = subject.model(x.unsqueeze(0)).squeeze(0).tolist()
        found.append(answer.pop(y) - max(answer))
    return found


def test_output_margins(linear: Subject) -> None:
    """Inverse square of the tenth percentile, and the mean; linear softmax fits, so that the percentile is positive."""
    margins = margins_by_hand(linear)
    gamma = float(np.percentile(margins, 10))

    assert gamma > 0.1
    assert inverse_margin(linear) == pytest.approx(gamma**-2, rel=1e-10)
    assert mean_margin(linear) == pytest.approx(np.mean(margins), rel=1e-10)


def test_a_network_that_does_not_fit_has_the_largest_inverse_margin(conv_bn: Subject) -> None:
    """A negative percentile does not pass for a large margin."""
    assert np.percentile(margins_by_hand(conv_bn), 10) < 0
    assert inverse_margin(conv_bn) == pytest.approx(1e6)


def test_spectrally_normalised_margin(mlp: Subject, vit: Subject) -> None:
    """The percentile over the product of spectral norms, its sign kept."""
    product = math.prod(float(np.linalg.norm(mlp.params[f"{place}.weight"].numpy(), 2)) for place in (1, 3, 5))
    gamma = float(np.percentile(margins_by_hand(mlp), 10))

    assert gamma < 0
    assert norm_margin_spec(mlp) == pytest.approx(gamma / product, rel=1e-9)
    with pytest.raises(UnsupportedModelError, match="layer_norm"):
        norm_margin_spec(vit)


def test_margin_over_frobenius_norms(mlp: Subject) -> None:
    """The product of the roots of sums of squares; a layer of zeros has none."""
    product = math.prod(float(np.linalg.norm(mlp.params[f"{place}.weight"].numpy())) for place in (1, 3, 5))
    gamma = float(np.percentile(margins_by_hand(mlp), 10))

    assert norm_margin_fro(mlp) == pytest.approx(gamma / product, rel=1e-9)
    with pytest.raises(UnsupportedModelError, match="not zero"):
        norm_margin_fro(
            Subject(nn.Linear(2, 2).requires_grad_(False).apply(zeroed), torch.ones(1, 2), torch.zeros(1).long())
        )


def zeroed(module: nn.Module) -> None:
    """No weight left."""
    for p in module.parameters():
        nn.init.zeros_(p)


def test_area_under_the_margin(mlp: Subject) -> None:
    """The mean over the five checkpoints after initialization, each with its own parameters."""
    means = []
    for checkpoint in network("mlp").trajectory().checkpoints[1:]:
        model = copy.deepcopy(mlp.model)
        model.load_state_dict({**checkpoint.params, **checkpoint.buffers})
        means.append(np.mean(margins_by_hand(Subject(model, mlp.inputs, mlp.labels))))

    assert len(set(means)) == 5
    assert aum(mlp) == pytest.approx(np.mean(means), rel=1e-10)
    first, *_, last = network("mlp").trajectory().checkpoints
    for few in ([first], [first, last]):
        ends = replace(network("mlp").trajectory(), checkpoints=few)
        with pytest.raises(UnsupportedModelError, match=f"between the ends; it has {len(few)} in all"):
            aum(Subject(mlp.model, mlp.inputs, mlp.labels, trajectory=ends))


def test_margins_do_not_take_zero_for_a_logit() -> None:
    """Where all logits are negative the best other is still one of them, at the output and at the input."""
    logits = torch.tensor([[-1.0, -3.0, -2.0], [-1.0, -3.0, -2.0], [-5.0, -9.0, -5.0]])

    assert output_margin(logits, torch.tensor([0, 1, 0])).tolist() == [1, -2, 0]

    data = network("linear")
    lowered = copy.deepcopy(data.model)
    with torch.no_grad():
        lowered.get_parameter("1.bias").sub_(1000)
    subject = Subject(lowered, data.inputs, data.labels)
    assert subject.logits_of(subject.inputs).max() < 0
    for measure in (inverse_margin, mean_margin, input_margin):
        assert measure(subject) == pytest.approx(measure(data.subject()), rel=1e-9)
