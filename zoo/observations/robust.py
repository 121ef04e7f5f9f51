"""Robust error: test error on images that an adversary may change a little, found by projected gradient descent."""

from typing import Final

import torch
from torch import Tensor

from zoo.data.subsets import stratified_subset
from zoo.observations.observed import Observed, Trained, observation
from zoo.training.record import normalised

RADII: Final = (2, 8)  # grey levels of 255 in the maximum norm; 8 is that of Madry et al. on CIFAR-10
STEPS: Final = 20
REACH: Final = 2.5  # radii that the steps cover together
SAMPLE: Final = 500  # images: a standard error of at most 2.3 points
CHUNK: Final = 250
WHITE: Final = 255


@observation
def robust_error(trained: Trained) -> Observed:
    """Share of test images that are called another class, as they are or after PGD within 2 or 8 grey levels of 255.

    Madry et al. 2018, arXiv:1706.06083: 20 steps of 2.5 / 20 of the radius along the sign of the gradient, each
    followed by a projection onto the ball in the maximum norm and onto grey levels of 0 to 255. The steps raise the
    largest other logit over the correct one, their CW loss of sec. 5 (Carlini & Wagner 2017, arXiv:1608.04644), whose
    gradient does not vanish where a network is certain. Departs from the paper in that it starts from the image itself,
    once. Measured on 500 of the test images, drawn class by class, the same for every network of a data set;
    `size.robust_error` is their number. It is a lower bound of the error under the strongest attack.
    Nothing is observed of images that are no grey levels.
    """
    data, name = trained.data, trained.recipe.dataset
    if data.test_images.dtype != torch.uint8:
        return {}
    images, labels = data.test_images, data.test_labels
    if len(labels) > SAMPLE:
        chosen = stratified_subset(labels, SAMPLE, name, "robust_error")
        images, labels = images[chosen], labels[chosen]
    found = {"size.robust_error": float(len(labels))}
    wrong = trained.predictions(images) != labels
    for radius in RADII:
        parts = zip(images.split(CHUNK), labels.split(CHUNK), strict=True)
        moved = torch.cat([attacked(trained, x, y, radius) for x, y in parts])
        found[f"robust_error.{radius}"] = float((wrong | (trained.predictions(moved) != labels)).double().mean())
    return found


def attacked(trained: Trained, images: Tensor, labels: Tensor, radius: float) -> Tensor:
    """Images [n, c, h, w] in grey levels, float32, after the steps of `robust_error`."""
    reference = next(trained.network.parameters())
    clean, labels = images.float().to(reference.device), labels.to(reference.device)
    low, high = (clean - radius).clamp(min=0), (clean + radius).clamp(max=WHITE)
    moved = clean
    for _ in range(STEPS):
        moved = moved.detach().requires_grad_()
        logits = trained.network(normalised(moved, trained.data).to(reference))
        own = logits.gather(1, labels[:, None]).squeeze(1)
        others = logits.scatter(1, labels[:, None], float("-inf")).amax(1)
        (gradient,) = torch.autograd.grad((others - own).sum(), moved)
        moved = torch.minimum(torch.maximum(moved + REACH * radius / STEPS * gradient.sign(), low), high)
    return moved.detach().cpu()
