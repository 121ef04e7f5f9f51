"""Mixtures of training examples of one class, and augmented training images."""

from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, UnsupportedModelError, shared
from measures.passes.activations.augmentations import brighten, mirror, scale_contrast, zoom_in
from measures.passes.activations.bottlenecks import bottlenecks, forward_with_visitor
from measures.passes.activations.features import Flow, Sample, compute_flow, sample_examples

NUM_EXAMPLES: Final = 128  # bounds the cost of a forward and a backward pass


@shared
def flow_of_mixtures(subject: Subject) -> tuple[Flow, Tensor]:
    """The flow of midpoints of pairs of one class, and the labels [n]."""
    sample = sample_examples(subject, NUM_EXAMPLES)
    midpoints = (sample.inputs + sample.inputs[partners(sample.labels)]) / 2
    return compute_flow(subject, midpoints, sample.labels), sample.labels


def partners(labels: Tensor) -> Tensor:
    """For each example [n] the next one of its class, for the last the first: itself where it is alone."""
    partner = torch.arange(len(labels), device=labels.device)
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().squeeze(1)
        partner[members] = members.roll(-1)
    return partner


@shared
def logits_of_hidden_mixtures(subject: Subject) -> tuple[Tensor, Tensor]:
    """Logits [n, k] where the activation halfway through the network is a midpoint of two of a class; the labels [n].

    Halfway is the middle of the places, the later of two.
    """
    sample = sample_examples(subject, NUM_EXAMPLES)
    middle = len(bottlenecks(subject)) // 2
    partner = partners(sample.labels)

    def logits(inputs: Tensor, theirs: Tensor) -> Tensor:
        kept: list[Tensor] = []

        def keep(number: int, activation: Tensor) -> Tensor:
            if number == middle:
                kept.append(activation.clone())
            return activation

        def mix(number: int, activation: Tensor) -> Tensor:
            return (activation + kept[0]) / 2 if number == middle else activation

        forward_with_visitor(subject, theirs, keep)
        return forward_with_visitor(subject, inputs, mix)

    with torch.no_grad():
        pairs = zip(sample.inputs.split(CHUNK), sample.inputs[partner].split(CHUNK), strict=True)
        return torch.cat([logits(x, other) for x, other in pairs]), sample.labels


def augment_examples(subject: Subject) -> Sample:
    """Training images, every second mirrored, all zoomed into and of other contrast and brightness.

    Raises:
        UnsupportedModelError: the inputs are no images.
    """
    images = sample_images(subject, NUM_EXAMPLES)
    generator = subject.generator("augmented")

    def drawn(low: float, high: float) -> Tensor:  # [n, 1, 1, 1]
        share = torch.rand(len(images.labels), 1, 1, 1, generator=generator, device=subject.device)
        return low + (high - low) * share.to(subject.dtype)

    x = zoom_in(images.inputs, drawn(1, 4 / 3))
    x = brighten(scale_contrast(x, drawn(0.75, 1.25)), drawn(-0.25, 0.25))
    coin = drawn(0, 1) < 1 / 2
    return Sample(torch.where(coin, mirror(x), x), images.labels)


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
