"""The sampled Gauss-Newton matrix and the measures of its spectrum, against the dense matrix."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.sharpness.gauss_newton import (
    hess_logdet,
    hess_outliers,
    hess_softrank,
    hess_spectral_entropy,
    laplace_evidence,
    lin_dof,
)
from measures.passes.curvature import gauss_newton as sampling
from measures.passes.curvature.gauss_newton import (
    eigenvalues,
    gauss_newton,
    leading_eigenvectors,
    spectrum,
    systematic_sample,
)
from measures.passes.gradients import logit_jacobian


def dense(subject: Subject) -> Tensor:
    """Mean over examples of J_i^T (diag p_i - p_i p_i^T) J_i [P, P]."""
    blocks = jacrev(lambda params: subject.forward(params, subject.inputs))(subject.params)
    J = torch.cat([block.flatten(2) for block in blocks.values()], 2)  # [n, k, P]
    p = subject.logits_of(subject.inputs).softmax(1)
    return torch.stack([Ji.T @ (q.diag() - q.outer(q)) @ Ji for Ji, q in zip(J, p, strict=True)]).mean(0)


def squared_norm(subject: Subject) -> float:
    """||w||^2."""
    return sum(float(p.square().sum()) for p in subject.params.values())


@pytest.mark.parametrize("name", ["linear", "mlp", "conv_bn"])
def test_all_rows_make_the_matrix(name: str, request: pytest.FixtureRequest) -> None:
    """With 360 outer products, fewer than NUM_ROWS, nothing is left to chance."""
    subject: Subject = request.getfixturevalue(name)
    G, sample = dense(subject), gauss_newton(subject)

    torch.testing.assert_close(sample.rows.T @ sample.rows, G, rtol=1e-8, atol=1e-12)
    diagonal = torch.cat([part.flatten() for part in sample.diagonal.values()])
    torch.testing.assert_close(diagonal, G.diagonal(), rtol=1e-8, atol=1e-14)
    assert sample.trace == pytest.approx(float(G.trace()), rel=1e-9)
    expected = torch.linalg.eigvalsh(G).flip(0)[: len(eigenvalues(subject))]
    torch.testing.assert_close(eigenvalues(subject)[: len(expected)], expected.clamp(min=0), rtol=1e-6, atol=1e-9)


def test_leading_eigenvectors_are_near(mlp: Subject) -> None:
    """They only start Lanczos; the first is nearly exact."""
    vector = leading_eigenvectors(mlp, 3)[:, 0]
    exact = torch.linalg.eigh(dense(mlp)).eigenvectors[:, -1]

    assert abs(float(vector @ exact)) > 0.99


def test_a_sample_is_right_on_average(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty rows of 360: the mean over seeds of the estimates is the matrix, within their scatter."""
    G = dense(mlp)
    monkeypatch.setattr(sampling, "NUM_ROWS", 60)
    samples = [gauss_newton(Subject(mlp.model, mlp.inputs, mlp.labels, seed=seed)) for seed in range(60)]
    traces = torch.tensor([sample.trace for sample in samples])
    direction = torch.linspace(-1, 1, len(G), dtype=G.dtype).mul(99).sin()
    forms = torch.stack([(sample.rows @ direction).square().sum() for sample in samples])

    assert all(50 <= len(sample.rows) <= 60 for sample in samples)
    assert float(traces.mean()) == pytest.approx(float(G.trace()), abs=4 * float(traces.std()) / 60**0.5)
    assert float(traces.std()) < 0.15 * float(traces.mean())
    assert float(forms.mean()) == pytest.approx(float(direction @ G @ direction), abs=4 * float(forms.std()) / 60**0.5)


def test_systematic_sampling_has_the_chances_that_it_says() -> None:
    """Over a grid of starts each index is drawn as often as its chance, in proportion to size up to one."""
    size = torch.tensor([0.0, 1.0, 2.0, 3.0, 0.5, 40.0, 0.0, 2.5], dtype=torch.float64)
    drawn = torch.zeros(8, dtype=torch.float64)
    for step in range(360):
        chosen, chance = systematic_sample(size, 3, (step + 0.5) / 360)
        drawn[chosen] += 1 / 360
        assert len(chosen) == len(chosen.unique()) == 3
        assert chance[chosen == 5].item() == 1
    expected = torch.tensor([0, 2 / 9, 4 / 9, 6 / 9, 1 / 9, 1, 0, 5 / 9], dtype=torch.float64)

    torch.testing.assert_close(drawn, expected, rtol=0, atol=0.006)


def test_systematic_sampling_takes_all_where_there_are_few() -> None:
    """What has no size is never drawn."""
    chosen, chance = systematic_sample(torch.tensor([0.0, 1.0, 1e-30], dtype=torch.float64), 5, 0.3)

    assert chosen.tolist() == [1, 2]
    assert chance.tolist() == [1, 1]


def test_sketched_rows_keep_inner_products(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count sketch of width d is off by about ||u|| ||v|| / d^(1/2); the diagonal stays exact."""
    exact = gauss_newton(mlp)
    monkeypatch.setattr(logit_jacobian, "KEPT_FLOATS", 1)
    monkeypatch.setattr(sampling, "KEPT_FLOATS", 1)
    monkeypatch.setattr(sampling, "SKETCH_WIDTH", 4096)
    sketched = gauss_newton(Subject(mlp.model, mlp.inputs, mlp.labels))
    lengths = exact.rows.norm(dim=1)
    error = (sketched.rows @ sketched.rows.T - exact.rows @ exact.rows.T) / lengths.outer(lengths)

    assert sketched.is_sketch
    assert sketched.rows.shape[1] == 4096
    assert 0 < float(error.square().mean().sqrt()) < 2 / 4096**0.5
    assert sketched.trace == pytest.approx(exact.trace, rel=1e-12)


def test_measures_of_the_spectrum(mlp: Subject) -> None:
    """Soft rank, determinant, outliers and entropy of the dense matrix."""
    G = dense(mlp)
    identity = torch.eye(len(G), dtype=G.dtype)
    values = torch.linalg.eigvalsh(G).clamp(min=0)
    edge = float(G.trace()) * (math.sqrt(360) + math.sqrt(len(G))) ** 2 / (360 * len(G))
    shares = [q for q in (values / G.trace()).tolist() if q > 0]

    assert hess_softrank(mlp) == pytest.approx(float((G @ torch.linalg.inv(G + 0.1 * identity)).trace()), rel=1e-7)
    assert hess_logdet(mlp) == pytest.approx(
        float(torch.linalg.slogdet(G + 0.1 * identity).logabsdet) - len(G) * math.log(0.1), rel=1e-7
    )
    assert hess_outliers(mlp) == int((values > edge).sum()) > 0
    assert hess_spectral_entropy(mlp) == pytest.approx(-sum(q * math.log(q) for q in shares), rel=1e-6)


def test_the_prior_has_the_most_evidence(mlp: Subject) -> None:
    """There gamma = alpha ||w||^2, the description length is least, and its terms are those of the paper."""
    G = dense(mlp)
    n, norm = mlp.num_examples, squared_norm(mlp)
    identity = torch.eye(len(G), dtype=G.dtype)
    loss = float(cross_entropy(mlp.logits_of(mlp.inputs), mlp.labels))

    def length(alpha: float) -> float:
        return loss + (alpha / 2 * norm + float(torch.linalg.slogdet(n * G / alpha + identity).logabsdet) / 2) / n

    gamma = lin_dof(mlp)
    alpha = gamma / norm
    assert gamma == pytest.approx(float((n * G @ torch.linalg.inv(n * G + alpha * identity)).trace()), rel=1e-6)
    assert laplace_evidence(mlp) == pytest.approx(length(alpha), rel=1e-9)
    assert length(alpha) < min(length(0.9 * alpha), length(1.1 * alpha))


def test_outliers_and_evidence_do_not_depend_on_the_sample(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 30 rows there are other outliers, and no more than 30 directions; these measures take all."""
    expected = [measure(mlp) for measure in (hess_outliers, lin_dof, laplace_evidence)]
    monkeypatch.setattr(sampling, "NUM_ROWS", 30)
    fresh = Subject(mlp.model, mlp.inputs, mlp.labels)

    assert [measure(fresh) for measure in (hess_outliers, lin_dof, laplace_evidence)] == pytest.approx(
        expected, rel=1e-9
    )
    assert expected[1] > len(eigenvalues(fresh)) == 30


def test_the_least_vectors_take_little_with_them(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every eigenvalue comes out lower, by the share of the trace that is left out or less in all."""
    exact = spectrum(mlp)
    monkeypatch.setattr(sampling, "MIN_VECTORS", 1)
    monkeypatch.setattr(sampling, "LEFT_OUT", 0.02)
    lower = spectrum(Subject(mlp.model, mlp.inputs, mlp.labels))

    assert len(lower) < len(exact) == 360
    assert bool((lower <= exact[: len(lower)] * (1 + 1e-9)).all())
    assert 0.9 < float(lower.sum() / exact.sum()) < 1


def test_too_many_vectors_are_refused(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says how many there are; a soft rank is still estimated."""
    monkeypatch.setattr(sampling, "MAX_VECTORS", 359)
    with pytest.raises(UnsupportedModelError, match="take 360 gradients"):
        lin_dof(mlp)
    assert hess_softrank(mlp) > 0


def test_a_softmax_that_is_one_hot_is_refused() -> None:
    """There is no curvature to speak of."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data = 1e4 * torch.eye(2, dtype=torch.float64)
    inputs = torch.eye(2, dtype=torch.float64).reshape(2, 1, 1, 2)
    with pytest.raises(UnsupportedModelError, match="one-hot"):
        hess_softrank(Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.arange(2)))
    with pytest.raises(UnsupportedModelError, match="one-hot"):
        lin_dof(Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.arange(2)))


def test_weights_that_are_zero_have_no_prior() -> None:
    """No precision is the best."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data.zero_()
    inputs = torch.eye(2, dtype=torch.float64).reshape(2, 1, 1, 2)
    with pytest.raises(UnsupportedModelError, match="precision of a prior"):
        lin_dof(Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.arange(2)))


def test_one_example_of_one_class(linear: Subject) -> None:
    """One example gives k outer products, of which k - 1 are independent."""
    subject = Subject(linear.model, linear.inputs[:1], linear.labels[:1])

    assert len(eigenvalues(subject)) == 10
    assert 0 < hess_softrank(subject) <= 9
    assert hess_spectral_entropy(subject) <= math.log(9)
