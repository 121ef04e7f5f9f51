"""Measures of the tangent kernel against dense transcriptions with the Jacobian of every logit."""

import math

import pytest
import torch
from scipy.stats import entropy
from torch import Tensor, nn
from torch.func import jacrev
from torch.nn.functional import one_hot

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.gradients.tangent_kernel import (
    kare,
    ntk_alignment,
    ntk_alignment_init,
    ntk_complexity,
    ntk_complexity_init,
    ntk_condition,
    ntk_eff_rank,
    ntk_label_energy,
    ntk_logdet,
    ntk_top,
    ntk_trace,
)
from measures.passes.gradients import tangents
from tests.measures.networks import network

NUM_EXAMPLES = 12


@pytest.fixture(params=["mlp", "conv_bn"])
def subject(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """A network of which twelve examples are looked at, at initialization in all directions of the logits."""
    monkeypatch.setattr(tangents, "NUM_GRADIENTS", NUM_EXAMPLES)
    monkeypatch.setattr(tangents, "INITIAL_DIRECTIONS", 10)
    return network(request.param).subject()


def jacobian(subject: Subject, params: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
    """Jacobian [12, 10, P] of the logits of the sample."""
    inputs = subject.inputs[subject.sample(NUM_EXAMPLES)]
    blocks = jacrev(lambda values: subject.forward({**buffers, **values}, inputs))(params)
    return torch.cat([block.flatten(2) for block in blocks.values()], 2)


def trained(subject: Subject) -> Tensor:
    """At the trained weights."""
    return jacobian(subject, subject.params, subject.buffers)


def initial(subject: Subject) -> Tensor:
    """At the weights and buffers before the first step."""
    opened = subject._with_needs(frozenset({"init"}))
    return jacobian(subject, opened.init_params, opened.init_buffers)


def labels(subject: Subject) -> Tensor:
    """One-hot labels [12, 10] of the sample."""
    return one_hot(subject.labels[subject.sample(NUM_EXAMPLES)], 10).double()


def kernel(J: Tensor) -> Tensor:
    """The mean over the ten logits of the products of their gradients."""
    return torch.stack([J[:, logit] @ J[:, logit].T for logit in range(10)]).mean(0)


def complexity(J: Tensor, Y: Tensor) -> float:
    """The square root of 2 tr Y^T (K + damping)^-1 Y / s."""
    K = kernel(J)
    K = K + 0.01 * K.diagonal().mean() * torch.eye(len(K), dtype=K.dtype)
    return float((2 * (Y.T @ torch.linalg.inv(K) @ Y).trace() / len(Y)).sqrt())


def alignment(J: Tensor, Y: Tensor) -> float:
    """Cosine of the centred kernels."""
    H = torch.eye(len(Y), dtype=Y.dtype) - 1 / len(Y)
    T, L = (H @ K @ H for K in (torch.einsum("iap,jap->ij", J, J), Y @ Y.T))
    return float((T * L).sum() / (T.square().sum() * L.square().sum()).sqrt())


def test_complexity_of_the_labels(subject: Subject) -> None:
    """At the end and at the start."""
    Y = labels(subject)

    assert ntk_complexity(subject) == pytest.approx(complexity(trained(subject), Y), rel=1e-7)
    assert ntk_complexity_init(subject) == pytest.approx(complexity(initial(subject), Y), rel=1e-7)


def test_the_risk_of_kernel_regression(subject: Subject) -> None:
    """The error of the fit over the square of the mean of the resolvent, with matrices inverted."""
    K, Z = kernel(trained(subject)), labels(subject) - 0.1
    resolvent = torch.linalg.inv(K + 0.01 * K.diagonal().mean() * torch.eye(len(K), dtype=K.dtype))
    error = sum(float(z @ resolvent @ resolvent @ z) for z in Z.T) / NUM_EXAMPLES

    assert kare(subject) == pytest.approx(error / (float(resolvent.trace()) / NUM_EXAMPLES) ** 2, rel=1e-7)


def test_the_risk_is_what_leaving_one_out_costs() -> None:
    """With K = I nothing is learnt, and the risk is the mean square of the labels."""
    inputs = torch.eye(3, dtype=torch.float64).reshape(3, 1, 1, 3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 3, bias=False)).double()

    assert kare(Subject(model, inputs, torch.tensor([0, 0, 1]))) == pytest.approx(4 / 9 + 2 / 9, rel=1e-12)


def test_alignment_with_the_labels(subject: Subject) -> None:
    """At the end and at the start."""
    Y = labels(subject)

    assert ntk_alignment(subject) == pytest.approx(alignment(trained(subject), Y), rel=1e-9)
    assert ntk_alignment_init(subject) == pytest.approx(alignment(initial(subject), Y), rel=1e-9)


def test_spectrum(subject: Subject) -> None:
    """Trace, top, effective rank and log determinant from the singular values of the Jacobian."""
    eigenvalues = torch.linalg.svdvals(trained(subject).flatten(1)).square() / 10

    damped = eigenvalues + 0.01 * eigenvalues.mean()
    assert ntk_condition(subject) == pytest.approx(math.log(damped[0] / damped[-1]), rel=1e-9)
    assert ntk_trace(subject) == pytest.approx(float(trained(subject).square().sum()) / NUM_EXAMPLES, rel=1e-9)
    assert ntk_top(subject) == pytest.approx(float(eigenvalues[0]) / NUM_EXAMPLES, rel=1e-9)
    assert ntk_eff_rank(subject) == pytest.approx(float(torch.tensor(entropy(eigenvalues)).exp()), rel=1e-7)
    assert ntk_logdet(subject) == pytest.approx(10 * float((1 + eigenvalues / NUM_EXAMPLES).log().sum()), rel=1e-9)


def test_energy_of_the_labels(subject: Subject) -> None:
    """What the ten leading eigenvectors of twelve hold of the labels."""
    J, Y = trained(subject), labels(subject)
    vectors = torch.linalg.svd(J.flatten(1))[0][:, :10]

    assert ntk_label_energy(subject) == pytest.approx(float((vectors.T @ Y).square().sum()) / NUM_EXAMPLES, rel=1e-7)


def test_a_linear_network_of_orthogonal_inputs() -> None:
    """K = I: complexity sqrt(2 / 1.01), full rank, log determinant 9 log(1 + 1/3), energy one, alignment by hand."""
    inputs = torch.eye(3, dtype=torch.float64).reshape(3, 1, 1, 3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 3, bias=False)).double()
    subject = Subject(model, inputs, torch.tensor([0, 0, 1]))

    assert ntk_complexity(subject) == pytest.approx((2 / 1.01) ** 0.5, rel=1e-12)
    assert ntk_trace(subject) == pytest.approx(3, rel=1e-12)
    assert ntk_top(subject) == pytest.approx(1 / 3, rel=1e-12)
    assert ntk_eff_rank(subject) == pytest.approx(3, rel=1e-12)
    assert ntk_condition(subject) == pytest.approx(0, abs=1e-12)
    assert ntk_logdet(subject) == pytest.approx(9 * math.log(4 / 3), rel=1e-12)
    assert ntk_label_energy(subject) == pytest.approx(1, rel=1e-12)
    # H T H = 3 H and H Y Y^T H = a a^T + b b^T with a = -b = (1, 1, -2) / 3: 3 (4/3) / (3 sqrt 2 (4/3))
    assert ntk_alignment(subject) == pytest.approx(2**-0.5, rel=1e-12)


def test_equal_examples(mlp: Subject) -> None:
    """The kernel of an example and its copy has the eigenvalues 0 and its trace: (1 + 0.005) / 0.005."""
    twice = Subject(mlp.model, mlp.inputs[:1].repeat(2, 1, 1, 1), mlp.labels[:2])

    assert ntk_condition(twice) == pytest.approx(math.log(201), rel=1e-9)


def test_one_class_has_no_alignment(mlp: Subject) -> None:
    """Centred labels of one class are zero."""
    with pytest.raises(UnsupportedModelError, match="do not vary"):
        ntk_alignment(Subject(mlp.model, mlp.inputs, torch.zeros_like(mlp.labels)))
