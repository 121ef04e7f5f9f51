"""Inner products of gradients against the gradients themselves, and both ways to them against each other."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import jacrev
from torch.nn.functional import cross_entropy

import measures.passes.gradients.gram as gram_pass
from measures.api import Subject
from measures.passes.gradients import per_sample, tangents
from measures.passes.gradients.gram import gram, mean_gram
from measures.passes.gradients.tangents import gradient_pairs, initial_tangent_kernel, tangent_kernel
from measures.passes.gradients.weight_uses import NoFormulaError
from measures.scoring import numerics
from tests.measures.networks import network


def jacobian(subject: Subject, inputs: Tensor, state: dict[str, Tensor] | None = None) -> Tensor:
    """Jacobians [s, k, P] of the logits, input by input."""
    state = {**subject.buffers, **subject.params} if state is None else state
    params = {name: state[name] for name in subject.params}
    rest = {name: value for name, value in state.items() if name not in params}

    def logits(values: dict[str, Tensor], x: Tensor) -> Tensor:
        return subject.forward({**rest, **values}, x.unsqueeze(0)).squeeze(0)

    rows = [torch.cat([block.flatten(1) for block in jacrev(logits)(params, x).values()], 1) for x in inputs]
    return torch.stack(rows)


def test_tangent_kernel_of_every_family(subject: Subject) -> None:
    """The mean over logits of the products of their gradients at all pairs of examples."""
    with numerics():
        kernel = tangent_kernel(subject)
        J = jacobian(subject, subject.inputs[subject.sample(36)])

    torch.testing.assert_close(kernel.mean, torch.einsum("iap,jap->ij", J, J) / 10, rtol=1e-9, atol=1e-10)
    assert torch.equal(kernel.labels, subject.labels[subject.sample(36)])


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_initial_tangent_kernel(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same examples under the parameters and the buffers at initialization: exact in all ten directions."""
    subject: Subject = request.getfixturevalue(name)._with_needs(frozenset({"init"}))
    estimate = initial_tangent_kernel(subject).mean
    monkeypatch.setattr(tangents, "INITIAL_DIRECTIONS", 10)
    whole = initial_tangent_kernel(network(name).subject()._with_needs(frozenset({"init"}))).mean
    J = jacobian(subject, subject.inputs[subject.sample(36)], network(name).init_state)

    expected = torch.einsum("iap,jap->ij", J, J) / 10
    torch.testing.assert_close(whole, expected, rtol=1e-9, atol=1e-10)
    assert 1e-6 < float((estimate - expected).norm() / expected.norm()) < 0.5


def test_many_classes_take_fewer_examples(mlp: Subject) -> None:
    """4096 rows of 200 classes are 20 examples."""
    wide = nn.Sequential(nn.Flatten(), nn.Linear(64, 200)).double()

    assert tangent_kernel(Subject(wide, mlp.inputs, mlp.labels)).mean.shape == (20, 20)


@pytest.mark.parametrize("name", ["mlp", "norm_free", "vit"])
def test_gradient_pairs(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of the gradients of the losses of a sample."""
    subject: Subject = request.getfixturevalue(name)
    monkeypatch.setattr(tangents, "NUM_GRADIENTS", 15)
    chosen = subject.sample(15)
    params = {key: p.clone().requires_grad_() for key, p in subject.params.items()}
    rows = []
    with numerics():
        for x, y in zip(subject.inputs[chosen], subject.labels[chosen], strict=True):
            loss = cross_entropy(subject.forward(params, x.unsqueeze(0)), y.unsqueeze(0))
            rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(params.values()))]))
        pairs = gradient_pairs(subject)

    assert torch.equal(pairs.labels, subject.labels[chosen])
    torch.testing.assert_close(pairs.gram, torch.stack(rows) @ torch.stack(rows).T, rtol=1e-9, atol=1e-13)


def test_a_loss_near_zero_keeps_its_gradient() -> None:
    """The derivative p - 1 at the label is the sum of the other p, also where p rounds to one in float32."""
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data = 10 * torch.eye(2)
    subject = Subject(nn.Sequential(nn.Flatten(), layer), torch.eye(2).reshape(2, 1, 1, 2), torch.arange(2))
    p = 1 / (1 + torch.tensor(10.0, dtype=torch.float64).exp())  # of the other class

    torch.testing.assert_close(
        gradient_pairs(subject).gram, 2 * p**2 * torch.eye(2, dtype=torch.float64), rtol=1e-5, atol=0
    )


@pytest.mark.parametrize("name", ["mlp", "norm_free", "mixer"])
def test_pieces_and_the_general_path_agree(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layer by layer at once, in pieces, and by vmap in chunks."""
    subject: Subject = request.getfixturevalue(name)
    cotangents = torch.randn(36, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    whole = gram(subject, subject.inputs, cotangents)
    general = gram_pass._gram_by_pairs_of_chunks(subject, subject.inputs, cotangents, {})
    monkeypatch.setattr(per_sample, "CHUNK", 7)
    chunks = gram_pass._gram_by_pairs_of_chunks(subject, subject.inputs, cotangents, {})
    monkeypatch.setattr(gram_pass, "FLOATS_AT_ONCE", 36 * 4000)
    pieces = gram_pass._gram_by_layer(subject, subject.inputs, [cotangents], {})

    for other in (general, chunks, pieces):
        torch.testing.assert_close(other, whole, rtol=1e-9, atol=1e-11)


def test_what_would_hold_too_much_goes_in_chunks(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass of all inputs is refused, and the answer is the same."""
    cotangents = torch.ones(36, 10, dtype=torch.float64)
    whole = gram(mlp, mlp.inputs, cotangents)
    monkeypatch.setattr(gram_pass, "FLOATS_AT_ONCE", 10)
    with pytest.raises(NoFormulaError, match="too much"):
        gram_pass._gram_by_layer(mlp, mlp.inputs, [cotangents], {})

    torch.testing.assert_close(gram(mlp, mlp.inputs, cotangents), whole)


def test_as_many_inputs_as_an_axis_is_long(norm_free: Subject) -> None:
    """Sixteen inputs and sixteen channels: more inputs of no weight, rather than the slower path."""
    cotangents = torch.ones(16, 10, dtype=torch.float64)
    whole = gram_pass._gram_by_pairs_of_chunks(norm_free, norm_free.inputs[:16], cotangents, {})

    torch.testing.assert_close(gram_pass._gram_by_layer(norm_free, norm_free.inputs[:16], [cotangents], {}), whole)


@pytest.mark.parametrize("name", ["mlp", "norm_free", "vit"])
def test_the_mean_over_directions_is_that_of_their_products(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one pass and several pulls; where a pass would hold too much, direction by direction."""
    subject: Subject = request.getfixturevalue(name)
    directions = torch.randn(3, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = sum(gram(subject, subject.inputs, each.expand(36, 10).contiguous()) for each in directions)

    torch.testing.assert_close(mean_gram(subject, subject.inputs, directions), expected / 3, rtol=1e-9, atol=1e-11)
    monkeypatch.setattr(gram_pass, "FLOATS_AT_ONCE", 10)
    torch.testing.assert_close(mean_gram(subject, subject.inputs, directions), expected / 3, rtol=1e-9, atol=1e-11)
