"""Self-influence against a dense solve with the Gauss-Newton matrix."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev
from torch.nn.functional import cross_entropy, one_hot

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.gradients.self_influence import self_influence
from measures.passes.gradients import per_sample, tangents


def dense(subject: Subject, inputs: Tensor, labels: Tensor) -> float:
    """Mean of g_i^T (G + 0.1 tr(G) / P I)^-1 g_i with the matrix [P, P] itself."""
    blocks = jacrev(lambda params: subject.forward(params, inputs))(subject.params)
    J = torch.cat([block.flatten(2) for block in blocks.values()], 2)  # [s, k, P]
    p = subject.logits_of(inputs).softmax(1)
    G = sum((Ji.T @ (q.diag() - q.outer(q)) @ Ji for Ji, q in zip(J, p, strict=True)), J.new_zeros(()))
    G = G / len(inputs)
    g = torch.einsum("skp,sk->sp", J, p - one_hot(labels, p.shape[1]))
    damped = G + 0.1 * G.trace() / len(G) * torch.eye(len(G), dtype=G.dtype)
    return float((g * torch.linalg.solve(damped, g.T).T).sum(1).mean())


@pytest.mark.parametrize("name", ["linear", "mlp", "conv_bn"])
def test_self_influence_is_that_of_a_dense_solve(name: str, request: pytest.FixtureRequest) -> None:
    """All examples of a small training set."""
    subject: Subject = request.getfixturevalue(name)

    assert self_influence(subject) == pytest.approx(dense(subject, subject.inputs, subject.labels), rel=1e-7)


def test_self_influence_of_a_sample_in_chunks(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve of the examples, their 120 rows in chunks of 50."""
    monkeypatch.setattr(tangents, "NUM_ROWS", 129)
    monkeypatch.setattr(per_sample, "CHUNK", 50)
    chosen = mlp.sample(12)

    assert self_influence(mlp) == pytest.approx(dense(mlp, mlp.inputs[chosen], mlp.labels[chosen]), rel=1e-7)


def test_a_label_that_the_network_thinks_impossible(linear: Subject) -> None:
    """With p at the label near 1e-40 the formula is finite and still that of the dense solve."""
    bias = linear.params["1.bias"].clone()
    bias[7] -= 90
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).double()
    model.load_state_dict({"1.weight": linear.params["1.weight"], "1.bias": bias})
    subject = Subject(model, linear.inputs, linear.labels)
    assert (subject.labels == 7).any()

    assert self_influence(subject) == pytest.approx(dense(subject, subject.inputs, subject.labels), rel=1e-6)


def test_gauss_newton_is_the_hessian_of_a_linear_network(linear: Subject) -> None:
    """For softmax regression the measure is the influence of Koh and Liang with the damped Hessian."""
    flat = torch.cat([p.flatten() for p in linear.params.values()]).requires_grad_()

    def losses(w: Tensor) -> Tensor:
        weight, bias = w[:640].view(10, 64), w[640:]
        logits = linear.inputs.flatten(1) @ weight.T + bias
        return cross_entropy(logits, linear.labels, reduction="none")

    H = torch.autograd.functional.hessian(lambda w: losses(w).mean(), flat.detach())
    g = torch.stack([torch.autograd.grad(loss, flat, retain_graph=True)[0] for loss in losses(flat)])
    damped = H + 0.1 * H.trace() / len(H) * torch.eye(len(H), dtype=H.dtype)
    expected = float((g * torch.linalg.solve(damped, g.T).T).sum(1).mean())

    assert self_influence(linear) == pytest.approx(expected, rel=1e-7)


def test_too_many_classes_are_refused(mlp: Subject) -> None:
    """An example of a hundred classes has a hundred rows."""
    wide = nn.Sequential(nn.Flatten(), nn.Linear(64, 100)).double()
    with pytest.raises(UnsupportedModelError, match="100 classes"):
        self_influence(Subject(wide, mlp.inputs, mlp.labels))


def test_a_flat_loss_is_refused() -> None:
    """Where the softmax is exactly one-hot the Gauss-Newton matrix is zero."""
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data = 1e4 * torch.eye(2, dtype=torch.float64)
    inputs = torch.eye(2, dtype=torch.float64).reshape(2, 1, 1, 2)
    with pytest.raises(UnsupportedModelError, match="exactly zero"):
        self_influence(Subject(nn.Sequential(nn.Flatten(), layer), inputs, torch.arange(2)))
