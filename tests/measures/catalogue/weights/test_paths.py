"""Path norms against sums over all paths."""

import copy
import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from measures.api import Measure, Subject, UnsupportedModelError
from measures.catalogue.weights.paths import (
    l1_path_norm,
    lp_path_norm,
    modern_path_norm,
    path_norm,
    path_norm_over_margin,
)
from tests.measures import by_hand
from tests.measures.networks import network

ALL = (path_norm, path_norm_over_margin, l1_path_norm, lp_path_norm, modern_path_norm)


def subject_of(model: nn.Module) -> Subject:
    """A subject with this network, untrained, on digits."""
    data = network("linear")
    return Subject(model.double(), data.inputs, data.labels)


def seeded(build: Any) -> nn.Module:
    """A network built from seed 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: nn.Module = build().double()
    return model


def test_two_layers_with_biases() -> None:
    """A sum over inputs, hidden units and outputs, one path at a time; biases start paths of their own."""
    data = network("linear")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ReLU(), nn.Linear(3, 10)).double()
    first, first_bias, second, second_bias = (p.detach() for p in model.parameters())
    through = sum(
        float(second[k, j] * first[j, i]) ** 2 for i, j, k in itertools.product(range(64), range(3), range(10))
    )
    from_hidden = sum(float(second[k, j] * first_bias[j]) ** 2 for j, k in itertools.product(range(3), range(10)))
    expected = through + from_hidden + float(second_bias.square().sum())

    assert path_norm(Subject(model, data.inputs, data.labels)) == pytest.approx(expected, rel=1e-12)


def test_folded_convolutions(conv_bn: Subject) -> None:
    """The network with torch's own fusion and squared parameters, run on ones."""
    chain: list[Any] = list(copy.deepcopy(conv_bn.model).children())
    fused = [fuse_conv_bn_eval(chain[0], chain[1]), *chain[2:4], fuse_conv_bn_eval(chain[4], chain[5]), *chain[6:]]
    squared = nn.Sequential(*fused)
    with torch.no_grad():
        for parameter in squared.parameters():
            parameter.square_()
        expected = float(squared(torch.ones(1, 1, 8, 8, dtype=torch.float64)).sum())

    assert path_norm(conv_bn) == pytest.approx(expected, rel=1e-10)


def test_a_skip_adds_its_paths() -> None:
    """With x + A x the paths through the skip have weight one: sum V^2 (1 + A^2), squared edge by edge."""

    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.head = nn.Linear(64, 64, bias=False), nn.Linear(64, 10, bias=False)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            flat = inputs.flatten(1)
            return self.head(flat + self.inner(flat))  # type: ignore[no-any-return]  # a module's call is untyped

    data = network("linear")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Skip().double()
    inner, head = model.inner.weight.detach(), model.head.weight.detach()
    expected = float((head.square() @ (torch.eye(64) + inner.square())).sum())

    assert path_norm(Subject(model, data.inputs, data.labels)) == pytest.approx(expected, rel=1e-12)


def test_residual_and_norm_free_networks_have_paths(residual: Subject, norm_free: Subject) -> None:
    """Addition, average pooling and fixed scales are passed."""
    assert path_norm(residual) > 0
    assert path_norm(norm_free) > 0


@pytest.mark.parametrize(
    ("activation", "reason"),
    [(nn.GELU(), "gelu"), (nn.SiLU(), "silu"), (nn.LayerNorm(8), "layer_norm"), (nn.Softmax(1), "softmax")],
)
def test_refused_where_paths_have_no_meaning(activation: nn.Module, reason: str) -> None:
    """The reason names the operation."""
    data = network("linear")
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), activation, nn.Linear(8, 10)).double()

    with pytest.raises(UnsupportedModelError, match=f"through {reason}: "):
        path_norm(Subject(model, data.inputs, data.labels))


def test_attention_is_refused(vit: Subject) -> None:
    """Nor has a path a meaning through attention."""
    with pytest.raises(UnsupportedModelError, match="scaled_dot_product_attention"):
        path_norm(vit)


def test_powers_and_margin_of_two_layers() -> None:
    """Sums over inputs, hidden units and outputs with |w|^p on every edge."""
    model = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 3), nn.ReLU(), nn.Linear(3, 10)))
    data = network("linear")
    with torch.no_grad():
        logits = model(data.inputs)
    answers = logits.argmax(1)
    subject = replace(data, model=model, labels=answers, init_state=model.state_dict(), twin=model).subject()
    margin = by_hand.tenth_percentile(logits.numpy(), answers.numpy())
    first, first_bias, second, second_bias = (p.detach().abs() for p in model.parameters())

    def paths(power: float) -> float:
        hidden = [float((row**power).sum() + bias**power) for row, bias in zip(first, first_bias, strict=True)]
        through = sum(float(second[k, j]) ** power * hidden[j] for k, j in itertools.product(range(10), range(3)))
        return float(through) + float((second_bias**power).sum())

    assert l1_path_norm(subject) == pytest.approx(paths(1), rel=1e-12)
    assert lp_path_norm(subject) == pytest.approx(paths(1.5) ** (2 / 3), rel=1e-12)
    assert path_norm_over_margin(subject) == pytest.approx(paths(2) / margin**2, rel=1e-9)
    assert modern_path_norm(subject) == pytest.approx(paths(1), rel=1e-12)


def linear_paths(model: nn.Module, inputs: Tensor) -> float:
    """Sum over paths of a network whose maxima are written as sums: its outputs under absolute weights, summed."""
    positive = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in positive.parameters():
            parameter.abs_()
        outputs: Tensor = positive(torch.ones_like(inputs[:1]))
    return float(outputs.sum())


class Windows(nn.Module):
    """Pools of 8 x 8 images by hand: each window's list of pixels, summed."""

    def __init__(self, windows: list[list[int]]) -> None:
        super().__init__()
        self.windows = windows

    def forward(self, inputs: Tensor) -> Tensor:
        """[n, c, 8, 8] to [n, c, windows]."""
        flat = inputs.flatten(2)
        return torch.stack([flat[:, :, window].sum(2) for window in self.windows], 2)


def windows_of(rows: list[list[int]], columns: list[list[int]]) -> list[list[int]]:
    """Pixels of an 8 x 8 image in each window, by its rows and columns, those outside left out."""
    return [[8 * r + c for r in row for c in column if 0 <= r < 8 and 0 <= c < 8] for row in rows for column in columns]


def spans(starts: range, taps: list[int]) -> list[list[int]]:
    """Places of the taps at every start."""
    return [[start + tap for tap in taps] for start in starts]


@pytest.mark.parametrize(
    ("pool", "rows", "columns"),
    [
        (nn.MaxPool2d(2), spans(range(0, 8, 2), [0, 1]), spans(range(0, 8, 2), [0, 1])),
        (nn.MaxPool2d(3, 2, 1), spans(range(-1, 6, 2), [0, 1, 2]), spans(range(-1, 6, 2), [0, 1, 2])),
        (nn.MaxPool2d(3, 1, 1), spans(range(-1, 7), [0, 1, 2]), spans(range(-1, 7), [0, 1, 2])),
        (nn.MaxPool2d(3), spans(range(0, 6, 3), [0, 1, 2]), spans(range(0, 6, 3), [0, 1, 2])),
        (nn.MaxPool2d(3, ceil_mode=True), spans(range(0, 9, 3), [0, 1, 2]), spans(range(0, 9, 3), [0, 1, 2])),
        (nn.MaxPool2d((2, 3), (3, 2), dilation=(3, 1)), [[0, 3], [3, 6]], spans(range(0, 6, 2), [0, 1, 2])),
        (nn.AdaptiveMaxPool2d((3, 1)), [[0, 1, 2], [2, 3, 4, 5], [5, 6, 7]], [list(range(8))]),
    ],
)  # fmt: skip
def test_paths_run_through_every_input_of_a_maximum(
    pool: nn.Module, rows: list[list[int]], columns: list[list[int]]
) -> None:
    """The modern norm takes the sum over each window, whatever its stride, padding, dilation and rounding."""
    windows = windows_of(rows, columns)

    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), pool, nn.Flatten(), nn.Linear(2 * len(windows), 10)
        )

    model = seeded(build)
    summed = copy.deepcopy(model)
    summed[2] = Windows(windows)  # type: ignore[operator]  # a Sequential, which mypy does not see
    subject = subject_of(model)

    assert modern_path_norm(subject) == pytest.approx(linear_paths(summed, subject.inputs), rel=1e-12)
    assert modern_path_norm(subject) > l1_path_norm(subject)


def test_one_dimension_is_pooled_alike() -> None:
    """A maximum over all places of each of two channels."""
    model = seeded(
        lambda: nn.Sequential(
            nn.Flatten(2), nn.Conv1d(1, 2, 3), nn.ReLU(), nn.MaxPool1d(62), nn.Flatten(), nn.Linear(2, 10)
        )
    )
    kernel, kernel_bias, head, head_bias = (p.detach().abs() for p in model.parameters())
    expected = float((head @ (62 * (kernel.sum((1, 2)) + kernel_bias)) + head_bias).sum())

    assert modern_path_norm(subject_of(model)) == pytest.approx(expected, rel=1e-12)


def test_modern_norm_of_a_residual_network(residual: Subject, norm_free: Subject) -> None:
    """Without maxima it is the l1-norm; skips, averages and scales are edges. The residual network has a max-pool."""
    assert modern_path_norm(norm_free) == pytest.approx(l1_path_norm(norm_free), rel=1e-12)
    assert modern_path_norm(residual) > l1_path_norm(residual)


def test_it_bounds_what_a_change_of_the_input_can_do(conv_bn: Subject) -> None:
    """The outputs' l1-distance is at most the norm times the largest change of a pixel (Gonon et al., sec. 2)."""
    generator = torch.Generator().manual_seed(0)
    for size in (1e-3, 1.0, 10.0):
        change = size * (2 * torch.rand(conv_bn.inputs.shape, generator=generator, dtype=torch.float64) - 1)
        moved = (conv_bn.model(conv_bn.inputs + change) - conv_bn.model(conv_bn.inputs)).abs().sum(1)
        assert float(moved.max()) <= modern_path_norm(conv_bn) * size


def test_more_than_float64_holds() -> None:
    """A reason, not infinity."""
    model = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1e100)

    with pytest.raises(UnsupportedModelError, match="exceeds"):
        path_norm(subject_of(model))
    assert math.isfinite(l1_path_norm(subject_of(model)))


@pytest.mark.parametrize("measure", ALL, ids=lambda measure: measure.name)
def test_every_path_norm_refuses_attention(vit: Subject, measure: Measure) -> None:
    """As `path_norm`."""
    with pytest.raises(UnsupportedModelError, match="scaled_dot_product_attention"):
        measure(vit)
