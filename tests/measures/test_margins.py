"""Margins against closed forms and naive loops."""

import copy
import math

import numpy as np
import pytest
import torch

from measures.api import Subject, UnsupportedModel
from measures.margins import input_margin, inverse_margin, mean_margin, norm_margin_spec
from measures.passes.outputs import output_margin
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
    with pytest.raises(UnsupportedModel, match="layer_norm"):
        norm_margin_spec(vit)


def test_input_margin_of_a_linear_network_is_the_distance_to_its_boundary(linear: Subject) -> None:
    """For Wx + b it is (f_y - f_c) / ||w_y - w_c||, here with the floor under the root."""
    weight = linear.params["1.weight"].numpy()
    distances = []
    for x, y in zip(linear.inputs, linear.labels.tolist(), strict=True):
        answer = linear.model(x.unsqueeze(0)).squeeze(0).numpy().copy()
        correct, answer[y] = answer[y], -np.inf
        rival = int(answer.argmax())
        distances.append((correct - answer[rival]) / math.sqrt(((weight[y] - weight[rival]) ** 2).sum() + 1e-6))

    assert input_margin(linear) == pytest.approx(np.percentile(distances, 10), rel=1e-10)


def test_input_margin_takes_each_examples_own_gradient() -> None:
    """One gradient of a sum equals one gradient an example, also where the answer is wrong."""
    subject = network("conv_bn").subject()
    distances = []
    for x, y in zip(subject.inputs, subject.labels.tolist(), strict=True):
        leaf = x.clone().unsqueeze(0).requires_grad_()
        answer = subject.logits_of(leaf)[0]
        margin = answer[y] - torch.cat([answer[:y], answer[y + 1 :]]).max()
        (gradient,) = torch.autograd.grad(margin, leaf)
        distances.append(float(margin.detach()) / math.sqrt(float(gradient.square().sum()) + 1e-6))

    assert min(distances) < 0 < max(distances)
    assert input_margin(subject) == pytest.approx(np.percentile(distances, 10), rel=1e-9)


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
