"""Informations against scikit-learn's, leave-one-out answers against retraining, the evidence against its density."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal
from sklearn.linear_model import Ridge
from sklearn.metrics import mutual_info_score
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.outputs import information
from measures.catalogue.outputs.information import (
    PENALTIES,
    cmi_linear,
    least_surprise,
    leave_one_out_answers,
    marginal_likelihood,
)
from tests.measures.networks import network


def retrained_answers(inputs: Tensor, labels: Tensor, k: int, penalty: float) -> tuple[np.ndarray, float]:
    """Ridge regression with scikit-learn, retrained without each example; its answers and squared error."""
    X = np.hstack([inputs.numpy(), np.full((len(inputs), 1), float(inputs.square().mean().sqrt()))])
    Y = np.eye(k)[labels.numpy()]
    alpha = penalty * np.linalg.eigvalsh(X @ X.T).clip(0).mean()
    kept = ~np.eye(len(X), dtype=bool)
    found = np.stack(
        [
            Ridge(alpha=alpha, fit_intercept=False).fit(X[rest], Y[rest]).predict(X[i][None])[0]
            for i, rest in enumerate(kept)
        ]
    )
    return found.argmax(1), float(np.square(Y - found).sum())


def test_leave_one_out_is_retraining() -> None:
    """The closed form gives what ridge regression without the example gives, at the penalty that errs least."""
    data = network("mlp")
    inputs = data.inputs.flatten(1)
    tried = [retrained_answers(inputs, data.labels, 10, penalty) for penalty in PENALTIES]
    best = min(tried, key=lambda found: found[1])

    assert leave_one_out_answers(inputs, data.labels, 10).tolist() == best[0].tolist()
    assert len({tuple(found[0]) for found in tried}) > 1, "the penalty matters"


def test_each_penalty_is_a_share_of_the_mean_eigenvalue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone each gives the answers of retraining with it."""
    data = network("mlp")
    inputs = data.inputs.flatten(1)
    for penalty in PENALTIES:
        monkeypatch.setattr(information, "PENALTIES", (penalty,))
        expected, _ = retrained_answers(inputs, data.labels, 10, penalty)
        assert leave_one_out_answers(inputs, data.labels, 10).tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["mlp", "linear"])
def test_performance_correlation(name: str) -> None:
    """I(F; Y) - I(F; Y | L) by the chain rule, from scikit-learn's informations of pairs."""
    subject = network(name).subject()
    F = subject.logits_of(subject.inputs).argmax(1).numpy()
    Y = subject.labels.numpy()
    L = leave_one_out_answers(subject.inputs.flatten(1), subject.labels, 10).numpy()
    conditional = mutual_info_score(F * 10 + L, Y) - mutual_info_score(L, Y)

    assert cmi_linear(subject) == pytest.approx(mutual_info_score(F, Y) - conditional, rel=1e-9)
    assert 0.1 < cmi_linear(subject) < math.log(10)


def test_a_sample_stands_for_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more examples than the limit a fixed draw is taken."""
    monkeypatch.setattr(information, "LINEAR_EXAMPLES", 20)
    subject = network("mlp").subject()
    chosen = subject.sample(20)
    part = Subject(subject.model, subject.inputs[chosen], subject.labels[chosen])

    assert cmi_linear(subject) == pytest.approx(cmi_linear(part), rel=1e-12)


def test_least_surprise_is_the_best_density() -> None:
    """SciPy's density of a Gaussian, with the best scale found numerically, at the best noise of the grid."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(12, 5))
    kernel = features @ features.T
    kernel *= 12 / kernel.trace()
    targets = features @ generator.normal(size=(5, 3)) + 0.2 * generator.normal(size=(12, 3))

    def surprise(log_scale: float, noise: float) -> float:
        cov = math.exp(log_scale) * (kernel + noise * np.eye(12))
        return -float(multivariate_normal(np.zeros(12), cov).logpdf(targets.T).sum()) / 12

    best = min(
        minimize_scalar(
            surprise, bounds=(-12, 12), args=(10 ** (power / 2),), method="bounded", options={"xatol": 1e-9}
        ).fun
        for power in range(-8, 3)
    )
    assert least_surprise(kernel, targets) == pytest.approx(best, rel=1e-8)


def test_the_kernel_of_random_linear_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of x -> W x + b with entries of variances s_w and s_b it is s_w <x, x'> + s_b, exact for many draws."""
    monkeypatch.setattr(information, "NUM_DRAWS", 4000)
    subject = network("linear").subject()._with_needs(frozenset({"init"}))
    found = information._random_logits(subject, subject.inputs)
    kernel = found @ found.T
    X = subject.inputs.flatten(1)
    start = subject.init_params
    expected = start["1.weight"].var(correction=0) * X @ X.T + start["1.bias"].var(correction=0)
    kernel, expected = kernel / kernel.trace(), expected / expected.trace()

    assert float((kernel - expected).norm() / expected.norm()) < 0.03


def test_the_kernel_of_deep_random_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of W_2 W_1 x with entries of mean m and variance s in W_1 it is m^2 (sum x) (sum x') + s <x, x'>, up to scale.

    A bias of zero mean adds its variance; the mean of W_2 moves all logits alike and is not seen.
    """
    monkeypatch.setattr(information, "NUM_DRAWS", 4000)
    data = network("linear")
    deep = nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.Linear(30, 10)).double()
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64)
    start = {
        "1.weight": 0.04 + 0.2 * signs.repeat(30, 32),
        "1.bias": 0.8 * signs.repeat(15),
        "2.weight": 5 + 0.1 * signs.repeat(10, 15),
        "2.bias": torch.zeros(10, dtype=torch.float64),
    }
    subject = Subject(deep, data.inputs, data.labels, init_state=start)._with_needs(frozenset({"init"}))
    found = information._random_logits(subject, subject.inputs)
    X = data.inputs.flatten(1)
    expected = 0.04**2 * X.sum(1).outer(X.sum(1)) + 0.2**2 * X @ X.T + 0.8**2
    kernel, expected = found @ found.T / (found @ found.T).trace(), expected / expected.trace()

    assert float((kernel - expected).norm() / expected.norm()) < 0.03


def test_evidence_is_that_of_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many draws, the evidence of the exact kernel; labels at random have less of it."""
    monkeypatch.setattr(information, "NUM_DRAWS", 4000)
    data = network("linear")
    X = data.inputs.flatten(1).numpy()
    W, b = data.init_state["1.weight"].numpy(), data.init_state["1.bias"].numpy()
    kernel = W.var() * X @ X.T + b.var()
    targets = np.eye(10)[data.labels.numpy()] - 0.1
    expected = least_surprise(kernel * 36 / kernel.trace(), targets)
    found = marginal_likelihood(data.subject())
    shuffled = data.labels[torch.randperm(36, generator=torch.Generator().manual_seed(0))]

    assert found == pytest.approx(expected, rel=0.02)
    assert marginal_likelihood(Subject(data.model, data.inputs, shuffled, init_state=data.init_state)) > found + 0.1


def test_an_output_layer_of_zeros_is_drawn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its scale does not matter, so that of the usual initialization serves; others keep theirs."""
    monkeypatch.setattr(information, "NUM_DRAWS", 4000)
    data = network("linear")
    zeros = {**data.init_state, "1.weight": torch.zeros(10, 64), "1.bias": torch.zeros(10)}
    X = data.inputs.flatten(1).numpy()
    kernel = X @ X.T
    expected = least_surprise(kernel * 36 / kernel.trace(), np.eye(10)[data.labels.numpy()] - 0.1)
    subject = Subject(data.model, data.inputs, data.labels, init_state=zeros)

    assert marginal_likelihood(subject) == pytest.approx(expected, rel=0.05)
    logits = information._random_logits(subject._with_needs(frozenset({"init"})), data.inputs)
    power = float(data.inputs.square().sum() / 36) / 64 * 0.9  # of centred logits, with weights of variance 1 / 64
    assert float(logits.square().mean()) == pytest.approx(power, rel=0.05)


def test_nothing_to_tell_is_refused() -> None:
    """A network that answers the same to all at initialization."""
    data = network("linear")
    constant = {**data.init_state, "1.weight": torch.ones(10, 64), "1.bias": torch.zeros(10)}
    with pytest.raises(UnsupportedModelError, match="kernel is zero"):
        marginal_likelihood(Subject(data.model, data.inputs, data.labels, init_state=constant))


def test_a_network_that_is_not_a_number_is_refused() -> None:
    """The largest of logits that are not numbers is no answer."""
    data = network("mlp")
    model = copy.deepcopy(data.model)
    with torch.no_grad():
        model.get_parameter("3.weight")[0, 0] = torch.nan
    with pytest.raises(UnsupportedModelError, match="contains NaN or Inf"):
        cmi_linear(Subject(model, data.inputs, data.labels))
