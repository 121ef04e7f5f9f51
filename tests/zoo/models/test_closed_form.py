"""Networks that are solved: held to naive float64 formulas, and least among interpolants."""

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.signal import correlate2d
from torch import Tensor, nn

from zoo.models.closed_form import solve, unsolved
from zoo.recipe import Recipe
from zoo.training.record import normalised
from zoo.training.train import data_of, train

Array = NDArray[np.float64]


def images(recipe: Recipe) -> tuple[Tensor, Tensor, Tensor]:
    """Training inputs [n, 1, 8, 8], their labels [n], and ten test inputs, in float64."""
    data = data_of(recipe)
    train_inputs, test_inputs = normalised(data.train_images, data), normalised(data.test_images[:10], data)
    return train_inputs.double(), data.train_labels, test_inputs.double()


def solved(recipe: Recipe, inputs: Tensor, labels: Tensor) -> nn.Sequential:
    """The solution of a recipe on these examples, of ten classes."""
    network = unsolved(recipe, inputs, 10)
    solve(network, recipe, inputs, labels)
    return network


def flat(inputs: Tensor) -> Array:
    """Images as rows [n, d]."""
    rows: Array = inputs.flatten(1).numpy()
    return rows


def targets(labels: Tensor) -> Array:
    """Centred one-hot rows [n, 10]."""
    rows: Array = np.eye(10)[labels.numpy()] - 0.1
    return rows


def naive_kernel(left: Array, right: Array, centres: Array) -> Array:
    """exp(-|x - c|^2 / (2 median^2)), pair by pair, the median over pairs of `centres`."""
    distances = [float(np.linalg.norm(a - b)) for a, b in itertools.combinations(centres, 2)]
    sigma = sorted(distances)[(len(distances) - 1) // 2]
    return np.array([[np.exp(-np.sum((x - c) ** 2) / (2 * sigma**2)) for c in right] for x in left])


def logits_of(network: nn.Module, inputs: Tensor) -> Array:
    """Logits [n, k] without a graph."""
    with torch.no_grad():
        found: Array = network(inputs).numpy()
    return found


# -- Theorem 1 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("corruption", ["true_labels", "random_labels", "gaussian"])
def test_theorem1_fits_any_labels_with_2n_plus_d_weights(corruption: str) -> None:
    """c(x) = sum_j w_j max(<a, x> - b_j, 0) is the class index, and the nearest index has the largest logit."""
    recipe = Recipe(model="theorem1", train_size=80).replace(corruption=corruption)
    inputs, labels, test_inputs = images(recipe)
    network = solved(recipe, inputs, labels)
    a, minus_b, w = (network.get_parameter(name).detach().numpy() for name in ("1.weight", "2.bias", "4.weight"))

    def output(x: Array) -> float:
        return float(sum(wj * max(float(a[0] @ x) - bj, 0) for wj, bj in zip(w[0], -minus_b, strict=True)))

    assert sum(p.numel() for p in network.parameters()) == 2 * 80 + 64
    assert [output(x) for x in flat(inputs)] == pytest.approx(labels.tolist(), abs=1e-8)
    for x, logits in zip(flat(test_inputs), logits_of(network, test_inputs), strict=True):
        nearness = np.array([-5.3 * (output(x) - index) ** 2 for index in range(10)])
        assert logits - logits[0] == pytest.approx(nearness - nearness[0], rel=1e-7, abs=1e-7)
    assert (logits_of(network, inputs).argmax(1) == labels.numpy()).all()


def test_theorem1_interleaves_biases_and_projections() -> None:
    """Lemma 1: b_1 < z_1 < b_2 < z_2 < ..., so that A is lower triangular with a positive diagonal."""
    recipe = Recipe(model="theorem1", train_size=60)
    inputs, labels, _ = images(recipe)
    network = solved(recipe, inputs, labels)
    z = np.sort(flat(inputs) @ network.get_parameter("1.weight").detach().numpy()[0])
    b = -network.get_parameter("2.bias").detach().numpy()

    assert (b < z).all()
    assert (z[:-1] < b[1:]).all()


def test_theorem1_and_equal_images() -> None:
    """Under one label they share a unit and 2n + d weights remain; under two labels no function exists."""
    recipe = Recipe(model="theorem1")
    inputs, labels, _ = images(Recipe(train_size=40))
    inputs = torch.cat([inputs, inputs[3:6]])
    network = solved(recipe, inputs, torch.cat([labels, labels[3:6]]))

    assert sum(p.numel() for p in network.parameters()) == 2 * 43 + 64
    assert (logits_of(network, inputs).argmax(1) == torch.cat([labels, labels[3:6]]).numpy()).all()
    with pytest.raises(ValueError, match="Equal images must have equal labels"):
        solved(recipe, inputs, torch.cat([labels, (labels[3:6] + 1) % 10]))


def test_theorem1_fits_a_thousand_random_labels() -> None:
    """All digits: neighbours on the line lie some 1e-6 apart, and float64 holds."""
    (run,) = train([Recipe(model="theorem1", corruption="random_labels")])
    assert run.record.train_accuracy == 1
    assert run.record.train_loss is not None
    assert run.record.train_loss < 0.01


# -- kernels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ridge", [0.0, 0.01])
def test_the_gaussian_kernel_solves_its_system(ridge: float) -> None:
    """f(x) = k(x, X) (K + n lambda I)^-1 Y; without ridge it interpolates."""
    recipe = Recipe(model="kernel_gaussian", train_size=40, weight_decay=ridge)
    inputs, labels, test_inputs = images(recipe)
    network = solved(recipe, inputs, labels)
    X = flat(inputs)
    alpha = np.linalg.solve(naive_kernel(X, X, X) + 40 * ridge * np.eye(40), targets(labels))

    np.testing.assert_allclose(
        logits_of(network, test_inputs), naive_kernel(flat(test_inputs), X, X) @ alpha, atol=1e-8
    )
    error = np.abs(logits_of(network, inputs) - targets(labels)).max()
    assert error < 1e-9 if ridge == 0 else error > 0.01


def test_width_multiplies_the_bandwidth() -> None:
    """Of the kernel on pixels."""
    inputs, _, _ = images(Recipe(train_size=40))
    one, half = (unsolved(Recipe(model="kernel_gaussian", width=w), inputs, 10) for w in (1.0, 0.5))
    assert half.get_buffer("0.1.bandwidth").item() == pytest.approx(one.get_buffer("0.1.bandwidth").item() / 2)


def test_the_kernel_on_convolutional_features_solves_its_system() -> None:
    """Filters, ReLU and means over cells of 2 x 2 pixels, image by image."""
    recipe = Recipe(model="kernel_conv", train_size=20, width=0.125)
    inputs, labels, test_inputs = images(recipe)
    network = solved(recipe, inputs, labels)
    filters = network.get_buffer("0.0.0.filters").numpy()

    def features(image: Array) -> Array:
        maps = [np.maximum(correlate2d(image[0], f[0], mode="same"), 0) for f in filters]
        return np.concatenate([m.reshape(4, 2, 4, 2).mean(axis=(1, 3)).ravel() for m in maps])

    X, Z = (np.stack([features(image) for image in group.numpy()]) for group in (inputs, test_inputs))
    alpha = np.linalg.solve(naive_kernel(X, X, X), targets(labels))
    assert len(filters) == 8
    np.testing.assert_allclose(logits_of(network, test_inputs), naive_kernel(Z, X, X) @ alpha, atol=1e-8)


def test_the_kernel_solution_has_the_least_norm_of_all_interpolants() -> None:
    """Adding any function of the space that vanishes on the training examples makes the norm alpha^T K alpha larger."""
    recipe = Recipe(model="kernel_gaussian", train_size=40)
    inputs, labels, test_inputs = images(recipe)
    network = solved(recipe, inputs, labels)
    alpha = network.get_parameter("1.weight").detach().numpy().T
    X, both = flat(inputs), flat(torch.cat([inputs, test_inputs]))
    K, gram = naive_kernel(X, X, X), naive_kernel(both, both, X)
    free = np.random.default_rng(0).normal(size=(10, 10))
    vanishing = np.concatenate([-np.linalg.solve(K, gram[:40, 40:] @ free), free])
    other = np.concatenate([alpha, np.zeros((10, 10))]) + vanishing

    np.testing.assert_allclose(gram[:40] @ other, targets(labels), atol=1e-9)
    norm, others_norm = np.sum(alpha * (K @ alpha)), np.sum(other * (gram @ other))
    assert others_norm > norm
    assert others_norm == pytest.approx(norm + np.sum(vanishing * (gram @ vanishing)))  # Pythagoras


def test_equal_images_make_the_kernel_singular_without_ridge() -> None:
    """Refused with what to do; a ridge makes it regular."""
    inputs, labels, _ = images(Recipe(train_size=40))
    inputs, labels = torch.cat([inputs, inputs[:1]]), torch.cat([labels, labels[:1]])
    with pytest.raises(ValueError, match="must be numerically regular"):
        solved(Recipe(model="kernel_gaussian"), inputs, labels)
    assert np.isfinite(
        logits_of(solved(Recipe(model="kernel_gaussian", weight_decay=1e-4), inputs, labels), inputs)
    ).all()
    with pytest.raises(ValueError, match="median distance between training examples must be positive"):
        unsolved(Recipe(model="kernel_gaussian"), inputs[[0, 0, 0]], 10)


# -- random features ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0.25, 2.0])  # 16 and 128 features of 40 examples
@pytest.mark.parametrize("ridge", [0.0, 0.01])
def test_random_features_solve_their_regression(width: float, ridge: float) -> None:
    """The pseudo-inverse, or the normal equations with n lambda on the diagonal."""
    recipe = Recipe(model="random_features", train_size=40, width=width, weight_decay=ridge)
    inputs, labels, test_inputs = images(recipe)
    network = solved(recipe, inputs, labels)
    V = network.get_buffer("0.1.weight").numpy()
    phi, phi_test = (np.maximum(flat(group) @ V.T, 0) for group in (inputs, test_inputs))
    if ridge:
        W = np.linalg.solve(phi.T @ phi + 40 * ridge * np.eye(len(V)), phi.T @ targets(labels))
    else:
        W = np.linalg.lstsq(phi, targets(labels), rcond=None)[0]

    assert len(V) == 64 * width
    np.testing.assert_allclose(network.get_parameter("1.weight").detach().numpy().T, W, atol=1e-8)
    np.testing.assert_allclose(logits_of(network, test_inputs), phi_test @ W, atol=1e-8)


def test_random_features_err_most_where_they_are_as_many_as_the_examples() -> None:
    """The interpolation peak: 256 features of 256 digits have the worst accuracy and largest norm; ridge mends it."""
    widths = (1.0, 4.0, 32.0)
    recipes = [
        Recipe(model="random_features", train_size=256, width=width, weight_decay=ridge)
        for width, ridge in itertools.product(widths, (0.0, 1e-3))
    ]
    runs = {(run.recipe.width, run.recipe.weight_decay): run for run in train(recipes)}
    accuracy = {key: run.record.test_accuracy for key, run in runs.items()}
    norm = {key: float(run.final["1.weight"].norm()) for key, run in runs.items()}

    assert [runs[width, 0.0].record.train_accuracy == 1 for width in widths] == [False, True, True]
    assert accuracy[4.0, 0.0] < min(accuracy[1.0, 0.0], accuracy[32.0, 0.0]) - 0.3
    assert norm[4.0, 0.0] > 5 * max(norm[1.0, 0.0], norm[32.0, 0.0])
    assert min(accuracy[width, 1e-3] for width in widths) > 0.8
