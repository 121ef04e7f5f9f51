"""Activations at the bottlenecks of a network, and the sensitivity of its logits to them, on a fixed sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from measures.api import CHUNK, Subject, UnsupportedModelError, shared
from measures.passes.activations.bottlenecks import Bottleneck, bottlenecks, forward_with_visitor, norm_squared
from measures.passes.activations.outputs import logits

FEATURE_EXAMPLES: Final = 400  # as Natekar & Sharma 2020 for the Davies-Bouldin index
FLOW_EXAMPLES: Final = 256  # bounds the cost: a forward and two backward passes of each
POOL: Final = 4  # side of the pooling window on maps of features; Natekar & Sharma 2020
NUM_PROBES: Final = 1  # backward passes; the mean over FLOW_EXAMPLES examples averages the draws too


@dataclass(frozen=True, slots=True)
class Sample:
    """Training examples of a fixed draw, in an order that follows their content.

    Attributes:
        inputs: [n, c, h, w].
        labels: [n].
    """

    inputs: Tensor
    labels: Tensor


def sample_examples(subject: Subject, count: int) -> Sample:
    """The first `count` training examples of the fixed draw, or all, always in the order of the draw.

    Raises:
        UnsupportedModelError: the network's logits are not finite.
    """
    logits(subject)
    chosen = subject.sample(min(count, subject.num_examples))
    return Sample(subject.inputs[chosen], subject.labels[chosen])


@dataclass(frozen=True, slots=True)
class Features:
    """Activations of `sampled(subject, FEATURE_EXAMPLES)`.

    Attributes:
        labels: [n].
        first: behind the first layer, max-pooled where they are maps and flattened [n, p]; None without a hidden layer.
        late: the last third of the bottlenecks, flattened [n, p], the last of them as `penultimate`; oldest first.
        logits: [n, k].
    """

    labels: Tensor
    first: Tensor | None
    late: Sequence[Tensor]
    logits: Tensor

    @property
    def penultimate(self) -> Tensor:
        """The input of the last layer [n, d]: maps and tokens as their mean over positions, the input flattened."""
        return self.late[-1]


@shared
def features(subject: Subject) -> Features:
    """The activations of one forward pass.

    The last third of P bottlenecks are the last floor(P / 3) + 1. Where the last layer is a convolution over maps, a
    mean over positions usually follows it, which can as well be taken before.
    """
    sample = sample_examples(subject, FEATURE_EXAMPLES)
    return compute_features(subject, sample.inputs, sample.labels)


def compute_features(subject: Subject, inputs: Tensor, labels: Tensor) -> Features:
    """The activations of these inputs [n, c, h, w] with labels [n]."""
    total = len(bottlenecks(subject))
    late = range(total - min(total, total // 3 + 1), total)
    first: list[Tensor] = []
    found: dict[int, list[Tensor]] = {number: [] for number in late}

    def visit(number: int, activation: Tensor) -> Tensor:
        if number == 1:
            first.append(_pool(activation))
        if number in found:
            flat = _average_positions(activation) if 0 < number == total - 1 else activation.flatten(1)
            found[number].append(flat.clone())
        return activation

    with torch.no_grad():
        logits = [forward_with_visitor(subject, x, visit) for x in inputs.split(CHUNK)]
    return Features(
        labels,
        torch.cat(first) if first else None,
        [torch.cat(parts) for parts in found.values()],
        torch.cat(logits),
    )


def _pool(activation: Tensor) -> Tensor:
    if activation.dim() == 4:  # noqa: PLR2004  [n, c, h, w]
        window = (min(POOL, activation.shape[2]), min(POOL, activation.shape[3]))
        return max_pool2d(activation, window).flatten(1)
    return activation.flatten(1).clone()


def _average_positions(activation: Tensor) -> Tensor:
    match activation.dim():
        case 2:
            return activation
        case 3:  # [n, tokens, d]
            return activation.mean(1)
        case _:  # [n, c, *positions]
            return activation.flatten(2).mean(2)


@dataclass(frozen=True, slots=True)
class Flow:
    """Sensitivity of the logits of n examples to the activations at P bottlenecks, the first dimension.

    Attributes:
        bottlenecks: the bottlenecks, the input first.
        margins: correct logit minus the best other [n].
        margin_gradients: squared norm [P, n] of the gradient of the margin with respect to the activation.
        jacobians: squared Frobenius norm [P, n] of the Jacobian of the logits with respect to the activation, an
            unbiased estimate; empty where no probes were asked for.
        activations: squared norm [P, n].
        total_variance: trace [P] of the covariance of the activation over the examples, divisor n.
        trimmed_deviation: mean [P] of the standard deviations of its features without a tenth at either end.
        logits: [n, k].
    """

    bottlenecks: Sequence[Bottleneck]
    margins: Tensor
    margin_gradients: Tensor
    jacobians: Tensor
    activations: Tensor
    total_variance: Tensor
    trimmed_deviation: Tensor
    logits: Tensor


ROUNDING: Final = 1e-12  # of the squared mean: what rounding may leave of the variance of a constant
TRIMMED: Final = 0.1  # of the features at either end: dead ones below, runaways above


@shared
def flow(subject: Subject) -> Flow:
    """The flow of `sampled(subject, FLOW_EXAMPLES)`, with probes."""
    sample = sample_examples(subject, FLOW_EXAMPLES)
    generator = subject.generator("flow")
    size = (NUM_PROBES, len(sample.labels), subject.num_classes)
    signs = torch.randint(0, 2, size, generator=generator, device=subject.device).to(subject.dtype) * 2 - 1
    return compute_flow(subject, sample.inputs, sample.labels, signs)


def compute_flow(subject: Subject, inputs: Tensor, labels: Tensor, probes: Tensor | None = None) -> Flow:
    """The flow of these inputs [n, c, h, w] with labels [n].

    Rademacher vectors v [draws, n, k] as `probes` give the Jacobians: E ||J^T v||^2 = ||J||_F^2. Examples do not meet
    in eval mode, so that one gradient of a sum holds that of every example.
    """
    subject.require_real_inputs()
    found = bottlenecks(subject)
    draws = probes if probes is not None else torch.zeros(0, len(labels), subject.num_classes, device=inputs.device)
    chunks = [
        _chunk_of_flow(subject, x, y, v)
        for x, y, v in zip(inputs.split(CHUNK), labels.split(CHUNK), draws.split(CHUNK, dim=1), strict=True)
    ]
    total_variance, trimmed = _spread([chunk.moments for chunk in chunks], [len(chunk.margins) for chunk in chunks])
    return Flow(
        found,
        torch.cat([chunk.margins for chunk in chunks]),
        torch.cat([chunk.margin_gradients for chunk in chunks], 1),
        torch.cat([chunk.jacobians for chunk in chunks], 1),
        torch.cat([chunk.activations for chunk in chunks], 1),
        total_variance,
        trimmed,
        torch.cat([chunk.logits for chunk in chunks]),
    )


@dataclass(frozen=True, slots=True)
class _Chunk:
    margins: Tensor
    margin_gradients: Tensor
    jacobians: Tensor
    activations: Tensor
    moments: list[tuple[Tensor, Tensor]]  # of each place, variances and means of the features
    logits: Tensor


def _chunk_of_flow(subject: Subject, x: Tensor, y: Tensor, probes: Tensor) -> _Chunk:
    held: list[Tensor] = []
    versions: list[int] = []

    def visit(_number: int, activation: Tensor) -> Tensor:
        held.append(activation)
        versions.append(activation._version)  # noqa: SLF001  torch's count of writes has no other name
        return activation.clone()  # what the network does in place it does to the copy

    with torch.enable_grad():
        logits = forward_with_visitor(subject, x.clone().requires_grad_(), visit)
        if [h._version for h in held] != versions:  # noqa: SLF001  as above
            raise UnsupportedModelError("The network writes over an activation between its blocks that it still uses.")
        margin = margin_of(logits, y)
        gradients = torch.autograd.grad(margin.sum(), held, retain_graph=len(probes) > 0)
        jacobians = torch.zeros(len(held), len(y), dtype=x.dtype, device=x.device)
        for index, v in enumerate(probes):
            pulled = torch.autograd.grad((logits * v).sum(), held, retain_graph=index + 1 < len(probes))
            jacobians += torch.stack([norm_squared(g) for g in pulled]) / len(probes)
    values = [h.detach() for h in held]
    return _Chunk(
        margin.detach(),
        torch.stack([norm_squared(g) for g in gradients]),
        jacobians[: len(held) if len(probes) else 0],
        torch.stack([norm_squared(h) for h in values]),
        [torch.var_mean(h.flatten(1), 0, correction=0) for h in values],
        logits.detach(),
    )


def margin_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Margins [n], differentiable: the logit of the label minus that of the best other class, which is held fixed."""
    rival = logits.detach().scatter(1, labels.unsqueeze(1), -torch.inf).argmax(1)
    return (logits.gather(1, labels.unsqueeze(1)) - logits.gather(1, rival.unsqueeze(1))).squeeze(1)


def _spread(chunks: list[list[tuple[Tensor, Tensor]]], sizes: list[int]) -> tuple[Tensor, Tensor]:
    """Total variance [P] and trimmed mean of the standard deviations of the features [P], from those of the chunks."""
    totals, trimmed = [], []
    shares = torch.tensor(sizes, dtype=torch.float64, device=chunks[0][0][0].device).unsqueeze(1) / sum(sizes)
    for parts in zip(*chunks, strict=True):
        variances, means = (torch.stack([part[index] for part in parts]).double() for index in (0, 1))
        mean = (shares * means).sum(0)
        variance = (shares * (variances + (means - mean).square())).sum(0)
        variance = torch.where(variance > ROUNDING * mean.square(), variance, torch.zeros_like(variance))
        totals.append(variance.sum())
        deviations = variance.sqrt().sort().values
        cut = int(TRIMMED * len(deviations))
        trimmed.append(deviations[cut : len(deviations) - cut].mean())
    return torch.stack(totals), torch.stack(trimmed)
