"""Networks whose gradients are easy to get wrong: layers shared, tied, reparametrised, padded, or without a formula."""

from typing import Any

import torch
from torch import Tensor, nn


class Twice(nn.Module):
    """One layer used twice, which sums its two gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """The layer twice, then the head."""
        return self.head(self.layer(self.layer(x.flatten(1)).tanh()).tanh())  # type: ignore[no-any-return]


class Tied(nn.Module):
    """Two layers of one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.head = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        """Both layers, then the head."""
        return self.head(self.second(self.first(x.flatten(1)).tanh()).tanh())  # type: ignore[no-any-return]


class Rows(nn.Module):
    """A linear layer on each of the eight rows of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(8, 3), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Rows, then the head."""
        return self.head(self.layer(x.squeeze(1)).relu().flatten(1))  # type: ignore[no-any-return]


class Doubled(nn.Linear):
    """A linear layer that is not what its name says."""

    def forward(self, x: Tensor) -> Tensor:
        """Twice what a linear layer answers."""
        return 2 * super().forward(x)


class Scaled(nn.Module):
    """A gain and a shift outside of any layer, the gain in place."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.gain, self.shift = nn.Linear(64, 10), nn.Parameter(torch.ones(10)), nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """The layer, then 3 shift + gain z."""
        return self.shift * 3 + self.layer(x.flatten(1)).mul_(self.gain)  # type: ignore[no-any-return]


class Reparametrised(nn.Module):
    """Weights that are made of parameters on the way, two of them of the same."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.utils.parametrizations.weight_norm(nn.Linear(64, 6))
        self.shared = nn.Parameter(torch.ones(10, 6))

    def forward(self, x: Tensor) -> Tensor:
        """Weight norm; then a layer whose weight and bias share their parameters."""
        hidden = self.layer(x.flatten(1)).sigmoid()
        return nn.functional.linear(hidden, self.shared.exp(), self.shared.sum(1) * 2)


class Product(nn.Module):
    """A matrix product that is no layer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(64, 10))

    def forward(self, x: Tensor) -> Tensor:
        """The product."""
        return x.flatten(1) @ self.weight


class Transposed(nn.Module):
    """Rows before examples, as some attention has it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(8, 3), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Rows first, then the head."""
        rows = self.layer(x.squeeze(1).transpose(0, 1)).relu()
        return self.head(rows.transpose(0, 1).flatten(1))  # type: ignore[no-any-return]


class Hidden(torch.autograd.Function):
    """A product that torch functions do not see."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor) -> Tensor:
        """Elementwise."""
        return x * weight

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:  # noqa: ARG004  torch's own
        """Keep both."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, delta: Tensor) -> tuple[Tensor, Tensor]:
        """Of a product."""
        x, weight = ctx.saved_tensors
        return delta * weight, (delta * x).sum(0)


class Unseen(nn.Module):
    """A parameter that enters by a user-defined function."""

    def __init__(self) -> None:
        super().__init__()
        self.gain, self.head = nn.Parameter(torch.ones(64)), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Stretched, then the head."""
        return self.head(Hidden.apply(x.flatten(1), self.gain))  # type: ignore[no-any-return,no-untyped-call]


def convolution(**options: Any) -> nn.Module:
    """A convolution of a kind, and a head."""
    body = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 6, 3, **options), nn.GroupNorm(2, 6), nn.Tanh(), nn.Flatten())
    return body.append(nn.Linear(body(torch.zeros(1, 1, 8, 8)).shape[1], 10))


SEEN: list[nn.Module] = [
    nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 10)),
    nn.Sequential(nn.Flatten(), nn.Linear(64, 9, bias=False), nn.GELU(), nn.Linear(9, 10, bias=False)),
    nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(inplace=True), nn.Linear(9, 10)),
    nn.Sequential(nn.Flatten(), Doubled(64, 10)),
    Twice(),
    Tied(),
    Rows(),
    Scaled(),
    Reparametrised(),
    convolution(),
    convolution(stride=2, padding=1),
    convolution(stride=(1, 2), padding=(0, 2), bias=False),
    convolution(padding="same", dilation=2),
    convolution(padding="valid", groups=2),
    convolution(padding=1, padding_mode="circular"),
    nn.Sequential(nn.Flatten(2), nn.Conv1d(1, 3, 4, stride=3), nn.LayerNorm(21), nn.Flatten(), nn.Linear(63, 10)),
]
UNSEEN: list[nn.Module] = [
    Product(),
    Transposed(),
    Unseen(),
    nn.Sequential(nn.Flatten(), nn.PReLU(), nn.Linear(64, 10)),
]
