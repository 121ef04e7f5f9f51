"""One network, however its second layer is written, is one network to every measure that needs layers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from measures.api import Subject, UnsupportedModelError
from measures.passes.activations.bottlenecks import bottlenecks
from measures.passes.weights.folded_network import folded_logits
from measures.passes.weights.folding import layers, operations
from tests.measures.networks import network

Product = Callable[[Tensor, Tensor], Tensor]


class Written(nn.Module):
    """Three layers without biases, the second of which is written as a test says."""

    def __init__(self, product: Product) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.product = product
        self.first, self.last = nn.Linear(64, 12, bias=False), nn.Linear(12, 10, bias=False)
        self.weight = nn.Parameter(torch.randn(12, 12, generator=generator) / 3)
        for p in (self.first.weight, self.last.weight):
            p.data = torch.randn(p.shape, generator=generator) / 4

    def forward(self, x: Tensor) -> Tensor:
        """The layers with ReLU between them."""
        return self.last(self.product(self.first(x.flatten(1)).relu(), self.weight).relu())  # type: ignore[no-any-return]


class Shown(torch.autograd.Function):
    """A matrix product with a gradient that is written by hand."""

    @staticmethod
    def forward(ctx, h, w):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        """The product."""
        ctx.save_for_backward(h, w)
        return h @ w.T

    @staticmethod
    def backward(ctx, d):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        """Of a product."""
        h, w = ctx.saved_tensors
        return d @ w, d.T @ h


class Hidden(Shown):
    """The same, computed outside of torch."""

    @staticmethod
    def forward(ctx, h, w):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        """The product."""
        ctx.save_for_backward(h, w)
        return torch.from_numpy(h.numpy() @ w.detach().numpy().T)


class HiddenReLU(torch.autograd.Function):
    """ReLU, computed outside of torch."""

    @staticmethod
    def forward(ctx, h):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        """ReLU."""
        ctx.save_for_backward(h)
        return torch.from_numpy(h.numpy().clip(0))

    @staticmethod
    def backward(ctx, d):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN205
        """Of ReLU."""
        return d * (ctx.saved_tensors[0] > 0)


def into_a_slice(h: Tensor, w: Tensor) -> Tensor:
    """The product is written into a slice of zeros."""
    out = torch.zeros(len(h), 14, dtype=h.dtype)
    out[:, :12] = functional.linear(h, w)
    return out[:, :12]


def into_a_view(h: Tensor, w: Tensor) -> Tensor:
    """The product is written through a view."""
    out = torch.zeros(len(h), 14, dtype=h.dtype)
    out[:, 2:].copy_(h @ w.T)
    return out[:, 2:]


def low_rank(h: Tensor, w: Tensor) -> Tensor:
    """A weight that is the sum of two products of its parts."""
    half = torch.eye(12, dtype=w.dtype)[:, :6]
    rest = torch.eye(12, dtype=w.dtype)[:, 6:]
    return functional.linear(h, (w @ half) @ half.T + (w @ rest) @ rest.T)


SAME: dict[str, Product] = {
    "linear": functional.linear,
    "x @ w.t()": lambda h, w: h @ w.t(),
    "matmul": lambda h, w: torch.matmul(h, w.transpose(0, 1)),
    "mm of a computed weight": lambda h, w: torch.mm(h, 1 * w.T),
    "addmm": lambda h, w: torch.addmm(torch.zeros(12, dtype=h.dtype), h, w.T),
    "w @ x": lambda h, w: (w @ h.T).T,
    "einsum": lambda h, w: torch.einsum("bi,oi->bo", h, w),
    "einsum of a list": lambda h, w: torch.einsum("io,bi->bo", [w.T, h]),
    "einsum with an ellipsis": lambda h, w: torch.einsum("...i,io->...o", h, w.T),
    "low rank": low_rank,
    "into a slice": into_a_slice,
    "into a view": into_a_view,
    "autograd function": Shown.apply,
}


def subject_of(model: nn.Module) -> Subject:
    """The network and the digits."""
    data = network("linear")
    return Subject(model.double(), data.inputs, data.labels)


@pytest.mark.parametrize("kind", SAME)
def test_a_layer_is_found_however_it_is_written(kind: str) -> None:
    """The same three weights, and folding them back gives the network."""
    subject, plain = subject_of(Written(SAME[kind])), subject_of(Written(functional.linear))

    assert [tuple(layer.weight.shape) for layer in layers(subject)] == [(12, 64), (12, 12), (10, 12)]
    for layer, expected in zip(layers(subject), layers(plain), strict=True):
        assert torch.allclose(layer.weight, expected.weight, rtol=1e-12)
    doubled = [
        layer if index != 1 else type(layer)("", 2 * layer.weight, None) for index, layer in enumerate(layers(subject))
    ]
    inputs = subject.inputs
    assert torch.allclose(folded_logits(subject, layers(subject), inputs), subject.logits_of(inputs), rtol=1e-10)
    assert torch.allclose(folded_logits(subject, doubled, inputs), 2 * subject.logits_of(inputs), rtol=1e-10)


@pytest.mark.parametrize("kind", ["x @ w.t()", "einsum", "low rank"])
def test_bottlenecks_stand_before_every_layer(kind: str) -> None:
    """The input and what the two later layers map."""
    assert len(bottlenecks(subject_of(Written(SAME[kind])))) == 3


@pytest.mark.parametrize(
    ("product", "reason"),
    [
        (Hidden.apply, "does not show uses 'weight'"),
        (lambda h, w: torch.bmm(h[:, None], w.T.expand(len(h), -1, -1))[:, 0], "bmm uses 'weight'"),
        (lambda h, w: functional.bilinear(h, h, w[:, None].expand(12, 12, 12)), "bilinear uses 'weight'"),
    ],
)
def test_a_matrix_that_is_no_layer_is_named(product: Product, reason: str) -> None:
    """Never a network of two layers."""
    subject = subject_of(Written(product))

    with pytest.raises(UnsupportedModelError, match=reason):
        layers(subject)


def test_an_activation_that_torch_does_not_show_is_no_loss() -> None:
    """Layers before and behind it are found; it is an operation that products and paths refuse."""
    subject = subject_of(Written(lambda h, w: HiddenReLU.apply(functional.linear(h, w))))  # type: ignore[no-untyped-call]

    assert len(layers(subject)) == 3
    assert "an operation that torch does not show" in operations(subject)
