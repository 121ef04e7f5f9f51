"""Self-influence, Takeuchi's criterion and Fisher sharpness against dense solves with the Gauss-Newton matrix."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev
from torch.nn.functional import cross_entropy, one_hot

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.gradients import self_influence as module
from measures.catalogue.gradients.self_influence import info_geometric_sharpness, self_influence, tic
from measures.passes.curvature import gauss_newton as curvature


def matrices(subject: Subject, chosen: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """G + 0.1 tr(G) / s I and C [P, P] themselves, example by example."""
    inputs, labels = subject.inputs, subject.labels
    if chosen is not None:
        inputs, labels = inputs[chosen], labels[chosen]
    blocks = jacrev(lambda params: subject.forward(params, inputs))(subject.params)
    J = torch.cat([block.flatten(2) for block in blocks.values()], 2)  # [s, k, P]
    p = subject.logits_of(inputs).softmax(1)
    G = sum((Ji.T @ (q.diag() - q.outer(q)) @ Ji for Ji, q in zip(J, p, strict=True)), J.new_zeros(()))
    G = G / len(inputs)
    g = torch.einsum("skp,sk->sp", J, p - one_hot(labels, p.shape[1]))
    damped = G + 0.1 * G.trace() / len(inputs) * torch.eye(len(G), dtype=G.dtype)
    return damped, g.T @ g / len(g)


@pytest.fixture
def every_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    """All directions of the logits are told apart."""
    monkeypatch.setattr(curvature, "RESOLVED", 1 - 1e-14)


@pytest.mark.usefixtures("every_direction")
@pytest.mark.parametrize("name", ["linear", "mlp", "conv_bn"])
def test_all_three_are_those_of_dense_solves(name: str, request: pytest.FixtureRequest) -> None:
    """Trace and largest eigenvalue of (G + lambda I)^-1 C."""
    subject: Subject = request.getfixturevalue(name)
    damped, C = matrices(subject)
    preconditioned = torch.linalg.solve(damped, C)

    assert self_influence(subject) == pytest.approx(float(preconditioned.trace()), rel=1e-7)
    assert tic(subject) == pytest.approx(float(preconditioned.trace()) / 36, rel=1e-7)
    largest = float(torch.linalg.eigvals(preconditioned).real.max())
    assert info_geometric_sharpness(subject) == pytest.approx(largest, rel=1e-7)


def test_few_directions_are_nearly_all(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rest spread over the damping; fewer directions than there are, of a network that hardly fits."""
    monkeypatch.setattr(curvature, "MIN_RESOLVED", 1)
    damped, C = matrices(mlp)
    found = curvature.directions(mlp)

    assert found.resolved < 36 * 9
    assert 0.9 * float(found.sizes.sum()) <= float(found.sizes[: found.resolved].sum()) < float(found.sizes.sum())
    assert self_influence(mlp) == pytest.approx(float(torch.linalg.solve(damped, C).trace()), rel=0.25)


def test_directions_sum_to_the_curvature_by_the_logits(mlp: Subject) -> None:
    """The outer products of all directions of an example are diag p - p p^T, over the number of examples."""
    answers = mlp.logits_of(mlp.inputs[:5])
    found = curvature.directions_of(answers)

    torch.testing.assert_close(found.cotangents.square().sum(1), found.sizes)
    assert bool((found.sizes.diff() <= 0).all())
    for i, p in enumerate(answers.softmax(1)):
        mine = found.cotangents[found.example == i]
        torch.testing.assert_close(mine.T @ mine, (p.diag() - p.outer(p)) / 5, rtol=1e-9, atol=1e-13)


@pytest.mark.usefixtures("every_direction")
def test_it_depends_on_the_network_however_many_parameters(mlp: Subject) -> None:
    """With a damping that vanishes beside the spectrum it would be the mean of (1 - p) / p times s."""
    p = mlp.logits_of(mlp.inputs).softmax(1).gather(1, mlp.labels.unsqueeze(1))

    assert self_influence(mlp) < 0.5 * float(((1 - p) / p).sum())


@pytest.mark.usefixtures("every_direction")
def test_more_rows_than_allowed_take_fewer_examples(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first half of the draw."""
    monkeypatch.setattr(module, "MAX_ROWS", 200)
    damped, C = matrices(mlp, mlp.sample(18))

    assert self_influence(mlp) == pytest.approx(float(torch.linalg.solve(damped, C).trace()), rel=1e-7)


@pytest.mark.usefixtures("every_direction")
def test_a_label_that_the_network_thinks_impossible(linear: Subject) -> None:
    """With p at the label near 1e-40 the formula is finite and still that of the dense solve."""
    bias = linear.params["1.bias"].clone()
    bias[7] -= 90
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).double()
    model.load_state_dict({"1.weight": linear.params["1.weight"], "1.bias": bias})
    subject = Subject(model, linear.inputs, linear.labels)
    damped, C = matrices(subject)
    assert (subject.labels == 7).any()

    assert self_influence(subject) == pytest.approx(float(torch.linalg.solve(damped, C).trace()), rel=1e-6)


@pytest.mark.usefixtures("every_direction")
def test_gauss_newton_is_the_hessian_of_a_linear_network(linear: Subject) -> None:
    """For softmax regression the measure is the influence of Koh and Liang with the damped Hessian."""
    flat = torch.cat([p.flatten() for p in linear.params.values()]).requires_grad_()

    def losses(w: Tensor) -> Tensor:
        weight, bias = w[:640].view(10, 64), w[640:]
        logits = linear.inputs.flatten(1) @ weight.T + bias
        return cross_entropy(logits, linear.labels, reduction="none")

    H = torch.autograd.functional.hessian(lambda w: losses(w).mean(), flat.detach())
    g = torch.stack([torch.autograd.grad(loss, flat, retain_graph=True)[0] for loss in losses(flat)])
    damped = H + 0.1 * H.trace() / 36 * torch.eye(len(H), dtype=H.dtype)
    expected = float((g * torch.linalg.solve(damped, g.T).T).sum(1).mean())

    assert self_influence(linear) == pytest.approx(expected, rel=1e-7)


def test_too_many_classes_are_refused(mlp: Subject) -> None:
    """An example of a thousand classes has a thousand rows."""
    wide = nn.Sequential(nn.Flatten(), nn.Linear(64, 1000)).double()
    with pytest.raises(UnsupportedModelError, match="1000 classes"):
        self_influence(Subject(wide, mlp.inputs, mlp.labels))


def test_a_flat_loss_is_refused() -> None:
    """Where the softmax is exactly one-hot the Gauss-Newton matrix is zero."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data = 1e4 * torch.eye(2, dtype=torch.float64)
    inputs = torch.eye(2, dtype=torch.float64).reshape(2, 1, 1, 2)
    with pytest.raises(UnsupportedModelError, match="one-hot"):
        self_influence(Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.arange(2)))
