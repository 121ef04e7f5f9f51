"""Per-sample gradients are those that autograd finds example by example, whichever path made them."""

import copy
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from measures.api import Subject
from measures.passes.gradients import per_sample
from measures.passes.gradients.per_sample import GradientStatistics, gradient_norms, gradient_statistics
from measures.passes.gradients.tape import Tape
from measures.passes.gradients.weight_uses import NoFormulaError
from measures.scoring import numerics
from tests.measures.networks import network
from tests.measures.unusual_networks import SEEN, UNSEEN, Product, Rows, Transposed, convolution


def one_by_one(subject: Subject) -> dict[str, Tensor]:
    """Gradient at each example, by parameter [n, *shape], with one backward pass each."""
    params = {name: p.clone().requires_grad_() for name, p in subject.params.items()}
    gradients = []
    for x, y in zip(subject.inputs, subject.labels, strict=True):
        loss = cross_entropy(subject.forward(params, x.unsqueeze(0)), y.unsqueeze(0))
        gradients.append(torch.autograd.grad(loss, list(params.values()), materialize_grads=True))
    return {name: torch.stack(parts) for name, parts in zip(params, zip(*gradients, strict=True), strict=True)}


def assert_are_of(found: GradientStatistics, gradients: dict[str, Tensor], params: dict[str, Tensor]) -> None:
    """The statistics of these gradients, by their definitions."""
    squared_norms = sum(g.flatten(1).square().sum(1) for g in gradients.values())
    dots = sum((g * params[name]).flatten(1).sum(1) for name, g in gradients.items())
    torch.testing.assert_close(found.squared_norms, squared_norms, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(found.dots, dots, rtol=1e-9, atol=1e-12)
    mean = {name: g.mean(0) for name, g in gradients.items()}
    torch.testing.assert_close(found.mean, mean, rtol=1e-9, atol=1e-14)
    mean_square = {name: g.square().mean(0) for name, g in gradients.items()}
    torch.testing.assert_close(found.mean_square, mean_square, rtol=1e-9, atol=1e-14)


def with_network(model: nn.Module, like: Subject) -> Subject:
    """The data of a subject under another network, in float64."""
    torch.nn.utils.vector_to_parameters(  # weights that no generator has to draw
        torch.linspace(-1, 1, sum(p.numel() for p in model.parameters())).sin() / 4, model.parameters()
    )
    return Subject(model.double(), like.inputs, like.labels)


def test_gradient_of_a_linear_softmax(linear: Subject) -> None:
    """The gradient of the weight is (p - y) x^T and that of the bias p - y."""
    x = linear.inputs.flatten(1)
    delta = linear.logits_of(linear.inputs).softmax(1) - one_hot(linear.labels, 10)
    gradients = {"1.weight": delta.unsqueeze(2) * x.unsqueeze(1), "1.bias": delta}

    assert_are_of(gradient_statistics(linear), gradients, linear.params)


def test_every_family_has_the_gradients_of_autograd(subject: Subject) -> None:
    """All statistics, of every network."""
    with numerics():
        found, norms = gradient_statistics(subject), gradient_norms(subject)

    assert_are_of(found, one_by_one(subject), subject.params)
    torch.testing.assert_close(norms, found.squared_norms, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["linear", "mlp", "norm_free", "vit", "mixer"])
def test_every_family_that_opacus_takes_has_its_gradients(name: str) -> None:
    """All statistics by an independent implementation, which refuses batch norm."""
    subject = network(name).subject()
    with numerics():
        assert_are_of(gradient_statistics(subject), by_opacus(subject), subject.params)
        norms = sum(g.flatten(1).square().sum(1) for g in by_opacus(subject).values())
        torch.testing.assert_close(gradient_norms(subject), norms, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("options", [{"padding": 1}, {"stride": (1, 2), "groups": 2}, {"dilation": 2}], ids=str)
def test_group_norm_has_the_gradients_of_opacus(options: dict[str, Any], mlp: Subject) -> None:
    """Convolutions of several kinds under it."""
    subject = with_network(convolution(**options), mlp)

    assert_are_of(gradient_statistics(subject), by_opacus(subject), subject.params)


def by_opacus(subject: Subject) -> dict[str, Tensor]:
    """Gradient at each example, by parameter [n, *shape], as private training computes it: hooks on modules."""
    from opacus import GradSampleModule

    model = copy.deepcopy(subject.model).requires_grad_(requires_grad=True).train()  # its hooks sleep in eval mode
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False  # as its hooks need
    inputs = subject.inputs.clone().requires_grad_()  # else hooks of the first layer warn
    answers = GradSampleModule(model, loss_reduction="sum")(inputs)
    cross_entropy(answers, subject.labels, reduction="sum").backward()
    return {name: cast("Any", p).grad_sample for name, p in model.named_parameters()}


@pytest.mark.parametrize("model", SEEN + UNSEEN, ids=lambda model: type(model).__name__)
def test_unusual_networks(model: nn.Module, mlp: Subject) -> None:
    """In place, shared, tied, reparametrised, padded, strided, dilated, grouped, or by a way that has no formula."""
    subject = with_network(model, mlp)

    torch.testing.assert_close(
        gradient_norms(subject), gradient_statistics(subject).squared_norms, rtol=1e-9, atol=1e-14
    )
    assert_are_of(gradient_statistics(subject), one_by_one(subject), subject.params)


def test_a_way_that_has_no_formula_takes_the_general_path(mlp: Subject, vit: Subject, norm_free: Subject) -> None:
    """Whether a parameter was seen is decided by its gradient, not by what the network is called."""
    known = [mlp, vit, norm_free, *(with_network(model, mlp) for model in SEEN)]
    unknown = [with_network(model, mlp) for model in UNSEEN]

    assert [has_formulas(s) for s in known] == [True] * len(known)
    assert [has_formulas(s) for s in unknown] == [False] * len(unknown)


def has_formulas(subject: Subject) -> bool:
    """Whether the record of a pass is complete."""
    try:
        Tape(subject, subject.inputs, lambda logits: logits.square().sum())
    except NoFormulaError:
        return False
    return True


@pytest.mark.parametrize("name", ["mlp", "conv_bn", "norm_free", "vit"])
def test_chunks_add_up(name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of seven, the last one smaller, and pieces of three of them, give what one chunk gives."""
    subject: Subject = request.getfixturevalue(name)
    monkeypatch.setattr(per_sample, "EXAMPLES_AT_ONCE", 7)
    monkeypatch.setattr(per_sample, "FLOATS_IN_CACHE", 3000)
    monkeypatch.setattr(per_sample, "SMALL", 10)

    assert_are_of(gradient_statistics(subject), one_by_one(subject), subject.params)


def test_chunks_of_the_general_path_add_up(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, where no formula is known."""
    subject = with_network(Product(), mlp)
    monkeypatch.setattr(per_sample, "CHUNK", 7)

    assert_are_of(gradient_statistics(subject), one_by_one(subject), subject.params)


def test_memory_bounds_the_chunk(conv_bn: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients of one chunk hold at most FLOATS_AT_ONCE numbers, but for a single example."""
    num_params = sum(p.numel() for p in conv_bn.params.values())
    monkeypatch.setattr(per_sample, "FLOATS_AT_ONCE", 5 * num_params + 1)
    assert per_sample.chunk_size(conv_bn) == 5
    monkeypatch.setattr(per_sample, "FLOATS_AT_ONCE", 1)
    assert per_sample.chunk_size(conv_bn) == 1


def test_hooks_are_gone_afterwards(mlp: Subject) -> None:
    """The pass listens to the network and leaves no hook behind."""
    gradient_statistics(mlp)

    assert not any(module._forward_hooks for module in mlp.model.modules())


@pytest.mark.parametrize("model", [Transposed(), Rows()], ids=lambda model: type(model).__name__)
def test_as_many_examples_as_positions(model: nn.Module, mlp: Subject) -> None:
    """Eight examples of eight rows: positions are never taken for examples."""
    subject = with_network(model, Subject(mlp.model, mlp.inputs[:8], mlp.labels[:8]))

    assert_are_of(gradient_statistics(subject), one_by_one(subject), subject.params)


@pytest.mark.parametrize("kind", ["weight", "bias"])
def test_a_linear_layer_of_which_a_part_is_not_trained(kind: str, mlp: Subject) -> None:
    """A fixed part, a buffer, has no gradient, and the products with the weights are without it."""
    fixed = copy.deepcopy(mlp.model)
    layer = next(module for module in fixed.modules() if isinstance(module, nn.Linear))
    value = getattr(layer, kind).detach()
    delattr(layer, kind)
    layer.register_buffer(kind, value)
    subject = Subject(fixed, mlp.inputs, mlp.labels)

    assert_are_of(gradient_statistics(subject), one_by_one(subject), subject.params)
