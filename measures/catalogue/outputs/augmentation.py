"""Augmentation: how much the answer to a training image changes when the image does and its meaning does not."""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from measures.api import Subject, measure
from measures.catalogue.reruns.disagreement import randomly_shifted
from measures.passes.activations.augmentations import blur, brighten, mirror, rotate, scale_contrast, zoom_in
from measures.passes.activations.mixtures import sample_images

NUM_EXAMPLES: Final = 64  # bounds the cost: eight forward passes of each
PENALTY: Final = 1.0  # for another answer: what a probability can lose at most

AUGMENTATIONS: Final[dict[str, Callable[[Tensor, torch.Generator], Tensor]]] = {
    "mirrored": lambda images, _: mirror(images),
    "shifted": randomly_shifted,
    "zoomed": lambda images, _: zoom_in(images, 1.25),
    "turned": lambda images, _: rotate(images, 15),
    "brightened": lambda images, _: brighten(images, 0.25),
    "contrasted": lambda images, _: scale_contrast(images, 1.25),
    "blurred": lambda images, _: blur(images),
}


@measure(source="Aithal et al. 2021, arXiv:2101.06459", family="representation",
         cost="8 forward passes on 64 examples")  # fmt: skip
def augmentation_penalty(subject: Subject) -> float:
    r"""Mean penalty for answering an augmented training image otherwise than the image.

    .. math:: \frac{1}{7 s} \sum_{a} \sum_i \begin{cases}
        \left| p_{c}(A_a x_i) - p_{c}(x_i) \right| & \text{if } A_a x_i \text{ is answered as } c \\
        1 & \text{otherwise} \end{cases}, \quad c = \arg\max_k p_k(x_i)

    The seven augmentations, one at a time: mirrored, shifted by up to an eighth of the side, zoomed into by 5/4, turned
    by 15 degrees, brighter by a quarter of a standard deviation, contrast times 5/4, blurred over 3 by 3 pixels.
    Departs from the paper, whose augmentations and compositions have a penalty each, chosen for its competition; here
    every one has the most that a probability can lose. Of min(m, 64) images. No unit, between 0 and 1. Invariant when
    ReLU layers are rescaled or a constant is added to all logits.
    """
    images = sample_images(subject, NUM_EXAMPLES).inputs

    def probabilities(x: Tensor) -> Tensor:
        with torch.no_grad():
            return subject.logits_of(x).double().softmax(1)

    sure, answer = probabilities(images).max(1)
    total = 0.0
    for name, augment in AUGMENTATIONS.items():
        p = probabilities(augment(images, subject.generator("augmentation", name)))
        change = (p.gather(1, answer.unsqueeze(1)).squeeze(1) - sure).abs()
        total += float(torch.where(p.argmax(1) == answer, change, PENALTY).mean())
    return total / len(AUGMENTATIONS)
