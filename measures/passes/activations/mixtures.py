"""Mixtures of training examples of one class, and augmented training images."""

from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, UnsupportedModelError, shared
from measures.passes.activations.augmentations import brightened, contrasted, mirrored, zoomed
from measures.passes.activations.bottlenecks import places, visited_logits
from measures.passes.activations.features import Flow, Sample, flow_of, sampled

NUM_EXAMPLES: Final = 128  # bounds the cost of a forward and a backward pass


@shared
def mixed(subject: Subject) -> tuple[Flow, Tensor]:
    """The flow of midpoints of pairs of one class, and the labels [n]."""
    sample = sampled(subject, NUM_EXAMPLES)
    midpoints = (sample.inputs + sample.inputs[partners(sample.labels)]) / 2
    return flow_of(subject, midpoints, sample.labels), sample.labels


def partners(labels: Tensor) -> Tensor:
    """For each example [n] the next one of its class, for the last the first: itself where it is alone."""
    partner = torch.arange(len(labels), device=labels.device)
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().squeeze(1)
        partner[members] = members.roll(-1)
    return partner


@shared
def mixed_inside(subject: Subject) -> tuple[Tensor, Tensor]:
    """Logits [n, k] where the activation halfway through the network is a midpoint of two of a class; the labels [n].

    Halfway is the middle of the places, the later of two.
    """
    sample = sampled(subject, NUM_EXAMPLES)
    middle = len(places(subject)) // 2
    partner = partners(sample.labels)

    def logits(inputs: Tensor, theirs: Tensor) -> Tensor:
        kept: list[Tensor] = []

        def keep(number: int, activation: Tensor) -> Tensor:
            if number == middle:
                kept.append(activation.clone())
            return activation

        def mix(number: int, activation: Tensor) -> Tensor:
            return (activation + kept[0]) / 2 if number == middle else activation

        visited_logits(subject, theirs, keep)
        return visited_logits(subject, inputs, mix)

    with torch.no_grad():
        pairs = zip(sample.inputs.split(CHUNK), sample.inputs[partner].split(CHUNK), strict=True)
        return torch.cat([logits(x, other) for x, other in pairs]), sample.labels


def augmented(subject: Subject) -> Sample:
    """Training images, every second mirrored, all zoomed into and of other contrast and brightness.

    Raises:
        UnsupportedModelError: the inputs are no images.
    """
    images = images_of(subject, NUM_EXAMPLES)
    generator = subject.generator("augmented")

    def drawn(low: float, high: float) -> Tensor:  # [n, 1, 1, 1]
        share = torch.rand(len(images.labels), 1, 1, 1, generator=generator, device=subject.device)
        return low + (high - low) * share.to(subject.dtype)

    x = zoomed(images.inputs, drawn(1, 4 / 3))
    x = brightened(contrasted(x, drawn(0.75, 1.25)), drawn(-0.25, 0.25))
    coin = drawn(0, 1) < 1 / 2
    return Sample(torch.where(coin, mirrored(x), x), images.labels)


def images_of(subject: Subject, count: int) -> Sample:
    """Images [n, c, h, w] of the fixed draw.

    Raises:
        UnsupportedModelError: the inputs are no images.
    """
    if subject.inputs.dim() != 4:  # noqa: PLR2004  [n, c, h, w]
        raise UnsupportedModelError(
            f"Only images [n, c, h, w] can be augmented; its inputs are {tuple(subject.inputs.shape)}."
        )
    return sampled(subject, count)
