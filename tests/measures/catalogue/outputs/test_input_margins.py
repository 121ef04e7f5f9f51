"""First-order margins against closed forms of linear networks and gradients taken one example at a time."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import trim_mean
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.outputs.input_margins import (
    all_layer_margin,
    augment_margin,
    hidden_margin,
    hidden_margin_first,
    hidden_margin_last,
    input_margin,
    mixup_margin,
)
from measures.passes.activations.mixtures import augment_examples
from measures.per_layer import Layered
from tests.measures.networks import network


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


def mlp_parts(subject: Subject) -> list[nn.Module]:
    """The multilayer perceptron from activation to activation: what is between the inputs of its layers."""
    parts = list(subject.model.children())
    return [nn.Sequential(*parts[:3]), nn.Sequential(*parts[3:5]), nn.Sequential(*parts[5:])]


def margin_by_hand(answer: Tensor, y: int) -> Tensor:
    """Correct logit minus the best other."""
    return answer[y] - torch.cat([answer[:y], answer[y + 1 :]]).max()


def walked(subject: Subject, x: Tensor, y: int) -> tuple[float, list[Tensor], list[Tensor]]:
    """Margin of one example, its activations h_0 to h_2 and the gradients with respect to them."""
    held = [x.unsqueeze(0).clone().requires_grad_()]
    for part in mlp_parts(subject)[:2]:
        held.append(part(held[-1]))
    margin = margin_by_hand(mlp_parts(subject)[2](held[-1])[0], y)
    gradients = torch.autograd.grad(margin, held)
    return float(margin.detach()), [h.detach() for h in held], list(gradients)


def normalised_by_hand(subject: Subject, inputs: Tensor, place: int) -> tuple[list[float], np.ndarray]:
    """First-order distances at a place, and the activations there [n, d]."""
    distances, activations = [], []
    for x, y in zip(inputs, subject.labels.tolist(), strict=True):
        margin, held, gradients = walked(subject, x, y)
        distances.append(margin / math.sqrt(float(gradients[place].square().sum()) + 1e-6))
        activations.append(held[place].flatten().numpy())
    return distances, np.stack(activations)


def test_hidden_margins_of_every_layer(mlp: Subject) -> None:
    """The percentile over the root of the trace of numpy's covariance; the score is the mean over the layers."""
    expected = []
    for place in range(3):
        distances, activations = normalised_by_hand(mlp, mlp.inputs, place)
        variation = np.trace(np.cov(activations.T, bias=True))
        expected.append(np.percentile(np.array(distances) / math.sqrt(variation), 10))

    score = hidden_margin.compute(mlp)
    assert isinstance(score, Layered)
    assert score == pytest.approx(np.mean(expected), rel=1e-9)
    assert [score.layers[name] * 3 for name in ("1", "3", "5")] == pytest.approx(expected, rel=1e-9)
    assert hidden_margin_first(mlp) == pytest.approx(expected[1], rel=1e-9)
    assert hidden_margin_last(mlp) == pytest.approx(expected[2], rel=1e-9)


def test_mixup_margin(mlp: Subject) -> None:
    """Midpoints of all pairs of a class, and the examples that are alone in theirs."""
    labels = mlp.labels.tolist()
    pairs = [(i, j) for i, j in itertools.combinations(range(36), 2) if labels[i] == labels[j]]
    pairs += [(i, i) for i in range(36) if labels.count(labels[i]) == 1]
    first, second = (torch.tensor(part) for part in zip(*pairs, strict=True))
    midpoints = (mlp.inputs[first] + mlp.inputs[second]) / 2
    distances, activations = normalised_by_hand(Subject(mlp.model, midpoints, mlp.labels[first]), midpoints, 1)

    assert trim_mean(activations.std(0), 0.1) != pytest.approx(activations.std(0).mean(), rel=1e-3)
    assert mixup_margin(mlp) == pytest.approx(np.mean(distances) / trim_mean(activations.std(0), 0.1), rel=1e-9)


def test_augment_margin(mlp: Subject) -> None:
    """The same with the augmented images, which are other images of the same labels."""
    sample = augment_examples(mlp)
    subject = Subject(mlp.model, sample.inputs, sample.labels)
    distances, activations = normalised_by_hand(subject, sample.inputs, 1)

    assert (sample.inputs - mlp.inputs[mlp.sample(36).repeat(2)]).abs().mean() > 0.1
    assert augment_margin(mlp) == pytest.approx(np.mean(distances) / trim_mean(activations.std(0), 0.1), rel=1e-9)


def test_the_all_layer_margin_of_one_layer_is_exact(linear: Subject) -> None:
    """Moving the logits by delta ||x||: the margin is gone at (f_y - f_c) / (sqrt(2) ||x||)."""
    found = [
        float(margin_by_hand(linear.model(x.unsqueeze(0))[0], y)) / math.sqrt(2) / float(x.norm())
        for x, y in zip(linear.inputs, linear.labels.tolist(), strict=True)
    ]

    assert all_layer_margin(linear) == pytest.approx(np.percentile(found, 10), rel=1e-10)


def test_the_all_layer_margin_of_a_deep_network(mlp: Subject) -> None:
    """Every layer's output moves in units of the norm of its input."""
    found = []
    for x, y in zip(mlp.inputs, mlp.labels.tolist(), strict=True):
        margin, held, gradients = walked(mlp, x, y)
        slopes = [float(h.norm() * g.norm()) for h, g in zip(held, gradients[1:], strict=False)]
        found.append(margin / math.hypot(*slopes, math.sqrt(2) * float(held[2].norm())))

    assert all_layer_margin(mlp) == pytest.approx(np.percentile(found, 10), rel=1e-9)


def test_small_joint_perturbations_do_as_the_linearised_margin_says(mlp: Subject) -> None:
    """Along the steepest joint direction the margin falls at the rate by which the measure divides it."""
    x, y = mlp.inputs[0], int(mlp.labels[0])
    margin, held, gradients = walked(mlp, x, y)
    rate = math.hypot(*(float(h.norm() * g.norm()) for h, g in zip(held, gradients[1:], strict=False)), 0)
    size = 1e-6
    h = x.unsqueeze(0)
    for part, gradient in zip(mlp_parts(mlp), [*gradients[1:], torch.zeros(1, 10)], strict=True):
        scale = h.norm()
        h = part(h)
        h = h - size * scale * gradient * scale / rate

    assert (margin - float(margin_by_hand(h[0], y))) / size == pytest.approx(rate, rel=1e-3)


def test_one_layer_has_no_hidden_margin(linear: Subject) -> None:
    """But it has an input."""
    assert hidden_margin(linear) > 0
    for measure in (hidden_margin_first, hidden_margin_last, mixup_margin, augment_margin):
        with pytest.raises(UnsupportedModelError, match="no hidden layer"):
            measure(linear)


def test_a_layer_that_says_nothing_is_refused(mlp: Subject) -> None:
    """Dead units everywhere: no variance to divide by; augmentation needs images."""
    state = {**mlp.params, "1.weight": mlp.params["1.weight"] * 0}
    mlp.model.load_state_dict(state)
    dead = Subject(mlp.model, mlp.inputs, mlp.labels)
    flat = Subject(mlp.model, mlp.inputs.flatten(1), mlp.labels)

    for measure in (hidden_margin, mixup_margin):
        with pytest.raises(UnsupportedModelError, match="the same for all"):
            measure(dead)
    with pytest.raises(UnsupportedModelError, match="Only images"):
        augment_margin(flat)
