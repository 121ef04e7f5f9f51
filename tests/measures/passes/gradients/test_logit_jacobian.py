"""The kept Jacobian of the logits against autograd, and the passes that its measures share."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from measures.api import Subject
from measures.catalogue.gradients import self_influence as influence
from measures.passes.curvature import gauss_newton as curvature
from measures.passes.gradients import gram, logit_jacobian, per_sample, tangents
from measures.passes.gradients.logit_jacobian import pull_back
from measures.passes.gradients.tape import Tape
from measures.registry import catalog, select
from measures.scoring import numerics, score_subject
from tests.measures.passes.gradients.test_tangents import jacobian

SHARING = (
    "hess_softrank", "hess_outliers", "hess_spectral_entropy", "info_geometric_sharpness", "kare", "laplace_evidence",
    "lin_dof", "ntk_alignment", "ntk_logdet", "self_influence", "tic",
)  # fmt: skip


def counting(function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> Callable[..., Any]:
    """The function, which notes the arguments of every call."""

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return function(*args, **kwargs)

    return counted


def test_jacobian_of_every_family(subject: Subject) -> None:
    """Each logit of each example, in the order of the sample."""
    with numerics():
        J = logit_jacobian.logit_jacobian(subject)
        expected = jacobian(subject, subject.inputs[subject.sample(36)])

    assert J is not None
    torch.testing.assert_close(J, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["mlp", "conv_bn", "norm_free"])
def test_chunks_and_the_general_path_agree(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, in chunks of seven, and by vmap."""
    subject: Subject = request.getfixturevalue(name)
    inputs = subject.inputs[subject.sample(36)]
    whole = logit_jacobian.logit_jacobian(subject)
    assert whole is not None
    by_example = torch.empty_like(whole)
    logit_jacobian._fill_by_example(by_example, subject, inputs)
    monkeypatch.setattr(logit_jacobian, "CHUNK", 7)
    monkeypatch.setattr(logit_jacobian, "FLOATS_IN_CACHE", 1)
    pieces = torch.empty_like(whole)
    logit_jacobian._fill_by_layer(pieces, subject, inputs)

    torch.testing.assert_close(by_example, whole, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(pieces, whole, rtol=1e-9, atol=1e-11)


def test_a_parameter_that_the_logits_do_not_depend_on(mlp: Subject) -> None:
    """Its columns are zero, whatever was in the memory."""

    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Linear(64, 10), nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            answers: Tensor = self.used(x.flatten(1))
            return answers

    J = logit_jacobian.logit_jacobian(Subject(Unused().double(), mlp.inputs, mlp.labels))

    assert J is not None
    assert not J[..., -8:].any()
    assert bool(J[..., :-8].any())


def test_pulled_back_vectors(mlp: Subject) -> None:
    """J_i^T v of examples in any order, some twice and some not at all."""
    J = logit_jacobian.logit_jacobian(mlp)
    assert J is not None
    example = torch.tensor([5, 0, 5, 17, 2])
    cotangents = torch.randn(5, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    expected = torch.einsum("rk,rkp->rp", cotangents, J[example])
    torch.testing.assert_close(pull_back(J, example, cotangents), expected)


def test_scores_without_a_kept_jacobian(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it would be too large, gradients are taken where they are needed: the scores are the same."""
    with_it = score_subject(mlp, select(SHARING, catalog()))
    monkeypatch.setattr(logit_jacobian, "KEPT_FLOATS", 1)
    fresh = Subject(mlp.model, mlp.inputs, mlp.labels)
    without = score_subject(fresh, select(SHARING, catalog()))

    assert logit_jacobian.logit_jacobian(fresh) is None
    for name in SHARING:
        assert without[name].value == pytest.approx(with_it[name].value, rel=1e-8), name


def test_one_pass_serves_the_kernel_the_curvature_and_the_influence(
    mlp: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One forward pass of all examples, after a probe, and a backward pass for each logit; none of single examples."""
    records: list[tuple[Any, ...]] = []
    pulls: list[tuple[Any, ...]] = []
    singles: list[tuple[Any, ...]] = []
    monkeypatch.setattr(logit_jacobian, "record", counting(gram.record, records))
    monkeypatch.setattr(Tape, "pull", counting(Tape.pull, pulls))
    for module in (per_sample, curvature, logit_jacobian):
        monkeypatch.setattr(module, "gradients_of", counting(per_sample.gradients_of, singles))
    scores = score_subject(mlp, select(SHARING, catalog()))

    assert {score.outcome for score in scores.values()} == {"scored"}
    assert len(records) == 2
    assert len(pulls) == 9
    assert not singles


def test_inner_products_are_computed_once(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the resolved rows serve the influence and the spectrum; each spectrum is decomposed once."""
    products: list[tuple[Any, ...]] = []
    decompositions: list[tuple[Any, ...]] = []
    for module in (curvature, influence, tangents):
        monkeypatch.setattr(module, "symmetric_products", counting(gram.symmetric_products, products))
    monkeypatch.setattr(curvature, "MIN_RESOLVED", 20)
    monkeypatch.setattr(torch.linalg, "eigvalsh", counting(torch.linalg.eigvalsh, decompositions))
    names = ("self_influence", "tic", "hess_outliers", "lin_dof", "laplace_evidence", "ntk_logdet", "ntk_eff_rank")
    score_subject(mlp, select(names, catalog()))
    resolved = curvature.directions(mlp).resolved

    assert 20 <= resolved < 360
    sizes = [(len(rows), len(known[0]) if known else 0) for rows, *known in products]
    assert sorted(sizes) == sorted([(resolved, 0), (36, 0), (360, resolved), (36, 0)])
    assert [len(matrix) for (matrix,) in decompositions] == [360, 36]


def test_symmetric_products_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pairs, with some of them known or none, in blocks that divide neither."""
    monkeypatch.setattr(gram, "GRAM_ROWS", 4)
    rows = torch.randn(11, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = rows @ rows.T

    torch.testing.assert_close(gram.symmetric_products(rows), expected)
    torch.testing.assert_close(gram.symmetric_products(rows, expected[:5, :5]), expected)
    marked = gram.symmetric_products(rows, torch.zeros(5, 5, dtype=torch.float64))
    assert not marked[:5, :5].any()
