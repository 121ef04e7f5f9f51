"""Change of the prediction under augmentations that keep the label."""

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from measures.api import CHUNK, Subject, measure
from measures.catalogue.reruns.disagreement import SHIFTS
from measures.passes.activations.augmentations import blur, brighten, mirror, rotate, scale_contrast, shift, zoom_in
from measures.passes.activations.mixtures import sample_images

NUM_EXAMPLES: Final = 512  # bounds the cost: eight forward passes of each
PENALTY: Final = 1.0  # for another answer: what a probability can lose at most


def shift_each_way(images: Tensor) -> Tensor:
    """Shift every image towards one of the four corners, in turn."""
    moved = images.clone()
    for direction, (down, right) in enumerate(SHIFTS):
        rows = slice(direction, None, len(SHIFTS))
        moved[rows] = shift(images[rows], down, right)
    return moved


AUGMENTATIONS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "mirrored": mirror,
    "shifted": shift_each_way,
    "zoomed": lambda images: zoom_in(images, 1.25),
    "turned": lambda images: rotate(images, 15),
    "brightened": lambda images: brighten(images, 0.25),
    "contrasted": lambda images: scale_contrast(images, 1.25),
    "blurred": blur,
}


@measure(source="Aithal et al. 2021, arXiv:2101.06459", family="representation",
         cost="8 forward passes on 512 examples", version=2)  # fmt: skip
def augmentation_penalty(subject: Subject) -> float:
    r"""Mean penalty for answering an augmented training image otherwise than the image.

    .. math:: \frac{1}{7 s} \sum_{a} \sum_i \begin{cases}
        \left| p_{c}(A_a x_i) - p_{c}(x_i) \right| & \text{if } A_a x_i \text{ is answered as } c \\
        1 & \text{otherwise} \end{cases}, \quad c = \arg\max_k p_k(x_i)

    The seven augmentations, one at a time: mirrored, shifted by an eighth of the sides towards one of the corners,
    zoomed into by 5/4, turned by 15 degrees, brighter by a quarter of a standard deviation, contrast times 5/4, blurred
    over 3 by 3 pixels. Departs from the paper, whose augmentations and compositions have a penalty each, chosen for its
    competition; here every one has the most that a probability can lose. Of min(m, 512) images. No unit, between 0 and
    1. Invariant when ReLU layers are rescaled or a constant is added to all logits.
    """
    images = sample_images(subject, NUM_EXAMPLES).inputs

    def probabilities(x: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([subject.logits_of(part) for part in x.split(CHUNK)]).double().softmax(1)

    sure, answer = probabilities(images).max(1)
    total = 0.0
    for augment in AUGMENTATIONS.values():
        p = probabilities(augment(images))
        change = (p.gather(1, answer.unsqueeze(1)).squeeze(1) - sure).abs()
        total += float(torch.where(p.argmax(1) == answer, change, PENALTY).mean())
    return total / len(AUGMENTATIONS)
