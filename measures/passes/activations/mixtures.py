"""Midpoints of training examples of one class, and augmented training images."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, UnsupportedModelError, shared
from measures.passes.activations.augmentations import brighten, mirror, scale_contrast, zoom_in
from measures.passes.activations.bottlenecks import bottlenecks, forward_with_visitor
from measures.passes.activations.features import Flow, Sample, compute_flow, sample_examples
from measures.passes.activations.outputs import logits

NUM_EXAMPLES: Final = 512  # images, each augmented twice: all of a small training set
NUM_PAIRS: Final = 4096  # a forward pass of each midpoint: all pairs within the classes of a small training set
NUM_HIDDEN: Final = 1024  # pairs mixed inside the network: a forward pass of each
NUM_MARGINS: Final = 512  # midpoints at which margins are differentiated: a forward and a backward pass of each


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of training examples of one class, each pair once.

    Attributes:
        first: indices [p].
        second: indices [p]; the only example of a class is paired with itself.
        labels: [p].
    """

    first: Tensor
    second: Tensor
    labels: Tensor


def pairs_within_classes(subject: Subject, count: int) -> Pairs:
    """Pair each example of a fixed draw with those that follow it in its class, in a circle; about `count` pairs.

    At most `count` examples are paired, each with at least one other. All pairs of the classes where `count` allows.
    """
    order = subject.sample(count)
    labels = subject.labels[order]
    reach = max(1, count // len(order))
    first, second = [], []
    for label in labels.unique().tolist():
        members = order[labels == label]
        size = len(members)
        for step in range(1, min(reach, size // 2) + 1) if size > 1 else (0,):
            kept = size // 2 if 2 * step == size else size  # halfway round the circle every pair comes twice
            first.append(members[:kept])
            second.append(members.roll(-step)[:kept])
    chosen = torch.cat(first)
    return Pairs(chosen, torch.cat(second), subject.labels[chosen])


@shared
def logits_of_mixtures(subject: Subject) -> tuple[Tensor, Tensor]:
    """Logits [p, k] of the midpoints of up to NUM_PAIRS pairs within classes, and the labels [p]."""
    logits(subject)
    pairs = pairs_within_classes(subject, NUM_PAIRS)
    with torch.no_grad():
        found = [
            subject.logits_of((subject.inputs[i] + subject.inputs[j]) / 2)
            for i, j in zip(pairs.first.split(CHUNK), pairs.second.split(CHUNK), strict=True)
        ]
    return torch.cat(found), pairs.labels


@shared
def flow_of_mixtures(subject: Subject) -> Flow:
    """The flow of the midpoints of up to NUM_MARGINS pairs within classes."""
    logits(subject)
    pairs = pairs_within_classes(subject, NUM_MARGINS)
    return compute_flow(subject, (subject.inputs[pairs.first] + subject.inputs[pairs.second]) / 2, pairs.labels)


@shared
def logits_of_hidden_mixtures(subject: Subject) -> tuple[Tensor, Tensor]:
    """Logits [p, k] where the activation halfway through the network is a midpoint of two of a class; the labels [p].

    Halfway is the middle of the bottlenecks, the later of two. Of up to NUM_HIDDEN pairs.
    """
    logits(subject)
    pairs = pairs_within_classes(subject, NUM_HIDDEN)
    middle = len(bottlenecks(subject)) // 2
    needed, row = torch.cat([pairs.first, pairs.second]).unique(return_inverse=True)
    kept: list[Tensor] = []

    def keep(number: int, activation: Tensor) -> Tensor:
        if number == middle:
            kept.append(activation.clone())
        return activation

    def logits_with(inputs: Tensor, midpoints: Tensor) -> Tensor:
        return forward_with_visitor(subject, inputs, lambda number, h: midpoints if number == middle else h)

    with torch.no_grad():
        for chosen in needed.split(CHUNK):
            forward_with_visitor(subject, subject.inputs[chosen], keep)
        halfway, (left, right) = torch.cat(kept), row.chunk(2)
        found = [
            logits_with(subject.inputs[needed[i]], (halfway[i] + halfway[j]) / 2)
            for i, j in zip(left.split(CHUNK), right.split(CHUNK), strict=True)
        ]
    return torch.cat(found), pairs.labels


def augment_examples(subject: Subject) -> Sample:
    """Augment training images twice: one copy of each is mirrored, both are zoomed into and change contrast and light.

    The second copy has the opposite strengths: the share u of a range in the first is 1 - u in the second.

    Raises:
        UnsupportedModelError: the inputs are no images.
    """
    images = sample_images(subject, NUM_EXAMPLES)
    generator = subject.generator("augmented")
    shares = torch.rand(4, len(images.labels), 1, 1, 1, generator=generator, device=subject.device).to(subject.dtype)
    return Sample(
        torch.cat([_augment(images.inputs, draw) for draw in (shares, 1 - shares)]), torch.cat([images.labels] * 2)
    )


def _augment(images: Tensor, shares: Tensor) -> Tensor:
    """Augment images [n, c, h, w] with strengths that are these shares [4, n, 1, 1, 1] of their ranges."""
    zoom, contrast, brightness, coin = shares
    x = zoom_in(images, 1 + zoom / 3)
    x = brighten(scale_contrast(x, 0.75 + contrast / 2), brightness / 2 - 0.25)
    return torch.where(coin < 1 / 2, mirror(x), x)


def sample_images(subject: Subject, count: int) -> Sample:
    """Images [n, c, h, w] of the fixed draw.

    Raises:
        UnsupportedModelError: the inputs are no images.
    """
    if subject.inputs.dim() != 4:  # noqa: PLR2004  [n, c, h, w]
        raise UnsupportedModelError(
            f"Only images [n, c, h, w] can be augmented; its inputs are {tuple(subject.inputs.shape)}."
        )
    return sample_examples(subject, count)
