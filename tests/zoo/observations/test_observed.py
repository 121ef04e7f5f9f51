"""Observations against counts by hand and closed forms."""

import numpy as np
import pytest
import torch
from torch import nn

from zoo.models.closed_form import solve, unsolved
from zoo.observations.calibration import feature_calibration
from zoo.observations.first_phase import first_phase
from zoo.observations.flatness import squared_error_trace
from zoo.observations.interpolants import solution_norm
from zoo.observations.noisy_training import under_noise
from zoo.observations.observed import Trained
from zoo.observations.simplicity import conditional_information, explained_by_linear, information
from zoo.observations.sizes import sizes
from zoo.recipe import Recipe
from zoo.training.engines.stacked_fleet import load_state
from zoo.training.record import normalised
from zoo.training.train import data_of, network_of, train

BASE = Recipe(train_size=64, batch_size=16, learning_rate=0.05, max_epochs=4, width=0.25)


def trained(recipe: Recipe, network: nn.Module | None = None) -> Trained:
    """A network at initialization, or another one, with its data."""
    data = data_of(recipe)
    own = network_of(recipe, data) if network is None else network
    return Trained(recipe=recipe, data=data, network=own.eval(), snapshots=(), data_of=data_of)


class Always(nn.Module):
    """Answers one class."""

    def __init__(self, answer: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.eye(10)[answer])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits."""
        return self.bias.expand(len(inputs), 10)


def test_sizes_are_counted() -> None:
    """8 x 8 pixels and the theorem's 2 n + d."""
    recipe = Recipe(model="theorem1", train_size=64)
    assert sizes(trained(recipe)) == {"num_examples": 64, "num_inputs": 64, "num_params": 192}


@pytest.mark.parametrize("model", ["kernel_gaussian", "kernel_conv", "random_features"])
def test_the_norm_of_an_interpolant_is_that_of_its_targets_in_the_inverse_kernel(model: str) -> None:
    """At ridge 0, alpha = K^-1 Y and alpha^T K alpha = Y^T K^-1 Y; on random features K = F F^T."""
    recipe = Recipe(model=model, train_size=32, width=4.0 if model == "random_features" else 1.0)
    data = data_of(recipe)
    inputs = normalised(data.train_images, data)
    network = unsolved(recipe, inputs, 10)
    solve(network, recipe, inputs, data.train_labels)
    features = network[0](inputs.double())
    kernel = features @ features.T if model == "random_features" else features
    targets = nn.functional.one_hot(data.train_labels, 10).double() - 0.1
    expected = float((targets * torch.linalg.solve(kernel, targets)).sum().sqrt())

    assert solution_norm(trained(recipe, network))["solution_norm"] == pytest.approx(expected, rel=1e-6)


def test_calibration_of_a_network_that_answers_one_class() -> None:
    """Every test 3 is answered 5; the distance is that of the joints, added up by hand."""
    recipe = BASE.replace(train_size=640, class_noise=((3, 5, 0.3),))
    case = trained(recipe, Always(5))
    found = feature_calibration(case)
    clean = data_of(recipe.replace(class_noise=())).train_labels
    noisy, tests = case.data.train_labels, case.data.test_labels
    changed = float((noisy != clean).sum()) / float((clean == 3).sum())
    distance = 0.0
    for true in range(10):
        for label in range(10):
            p = float(((clean == true) & (noisy == label)).double().mean())
            q = float((tests == true).double().mean()) if label == 5 else 0.0
            distance += abs(p - q) / 2

    assert found["confused_test"] == 1
    assert found["confused_train"] == pytest.approx(changed)
    assert found["others_right"] == pytest.approx(float((tests[tests != 3] == 5).double().mean()))
    assert found["total_variation"] == pytest.approx(distance)


def test_noisy_training_of_a_network_that_answers_one_class() -> None:
    """Right on the true ones of that class, on all training images and on those with a wrong label."""
    recipe = BASE.replace(train_size=640, corruption="partial_labels", corruption_p=0.5)
    case = trained(recipe, Always(7))
    clean = data_of(recipe.replace(corruption="true_labels", corruption_p=0.0)).train_labels
    wrong = case.data.train_labels != clean

    assert under_noise(case) == {
        "train_under_noise": pytest.approx(float((clean == 7).double().mean())),
        "wrong_labels": float(wrong.sum()),
        "wrong_labels_undone": pytest.approx(float((clean[wrong] == 7).double().mean())),
    }
    assert set(under_noise(trained(BASE, Always(7)))) == {"train_under_noise", "wrong_labels"}


def test_the_trace_of_a_linear_network_is_that_of_its_inputs() -> None:
    """For f = W x + b of k outputs the squared gradient is k (|x|^2 + 1), whatever W is."""
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    case = trained(BASE, linear)
    expected = 10 * float((normalised(case.data.train_images, case.data).flatten(1).square().sum(1) + 1).mean())

    assert squared_error_trace(case)["squared_error_trace"] == pytest.approx(expected, rel=1e-5)


def test_information_in_bits() -> None:
    """A fair coin tells a copy one bit; given itself, none; of two coins the exclusive or tells one given the other."""
    a, b = np.repeat([0, 0, 1, 1], 25), np.repeat([0, 1, 0, 1], 25)
    assert information(a, a) == pytest.approx(1)
    assert information(a, b) == pytest.approx(0)
    assert conditional_information(a, a, a) == pytest.approx(0)
    assert conditional_information(a ^ b, a, b) == pytest.approx(1)
    assert conditional_information(a, a, np.repeat([0, 1, 1, 1], 25)) == pytest.approx(0.75 * 0.9182958)


def test_what_is_explained_adds_up_and_early_is_not_better_than_linear() -> None:
    """The information is that explained and that beyond; the early network is a checkpoint, the late one the last."""
    recipe = Recipe(
        train_size=256, merged=(0,) * 5 + (1,) * 5, learning_rate=0.02, max_epochs=16, target_loss=0.0,
        checkpoints="doubling",
    )  # fmt: skip
    (run,) = train([recipe], fleet=1)
    data = data_of(recipe)
    network = network_of(recipe, data).eval()
    load_state(network, run.final)
    case = Trained(recipe=recipe, data=data, network=network, snapshots=run.snapshots, data_of=data_of)
    late = information(case.predictions(data.test_images).numpy(), data.test_labels.numpy())
    found = {name: float(value) for name, value in explained_by_linear(case).items() if isinstance(value, float)}

    assert found["late_information"] == pytest.approx(late)
    for stage in ("early", "late"):
        parts = found[f"{stage}_explained"] + found[f"{stage}_beyond"]
        assert parts == pytest.approx(found[f"{stage}_information"])
    assert 0.7 < found["linear_accuracy"] < 1
    assert found["early_information"] < found["late_information"]


def test_the_first_phase_is_that_of_the_source() -> None:
    """Its noise and clipping; nothing without a source."""
    source = BASE.replace(noise_scale=0.1, noise_tail=1.5, clip_norm=2.0)
    assert first_phase(trained(BASE)) == {}
    assert first_phase(trained(BASE.replace(source=BASE))) == {"source_noise": 0, "source_is_clipped": 0}
    assert first_phase(trained(BASE.replace(source=source))) == {
        "source_noise": 0.1, "source_is_clipped": 1, "source_clip_norm": 2,
    }  # fmt: skip
