"""How much Gaussian noise the weights bear: the scale at which training accuracy has dropped by a tenth."""

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor
from torch.func import vmap

from measures.api import Subject, UnsupportedModel, shared

ACCURACY_DROP: Final = 0.1  # Jiang et al. 2020, appendix C.4
EPSILON: Final = 1e-3  # standard deviation that also a zero weight gets in magnitude-aware noise; same place
NUM_EXAMPLES: Final = 256  # bounds the cost: a resolution of 1/2048 in mean accuracy, finer than the draws decide it
NUM_DRAWS: Final = 8  # the same for every scale tried
START: Final = 0.05  # networks trained on small images bear 0.02 to 0.2
MAX_DOUBLINGS: Final = 16  # up or down from START; no accuracy that has not dropped by 3000 will drop
BISECTIONS: Final = 4  # of an interval of one octave: 4 % wide, and interpolated within


@shared
def noise_scale(subject: Subject) -> float:
    """Standard deviation sigma of noise N(0, sigma^2) on every parameter at which accuracy has dropped by 0.1."""
    return _searched(subject, lambda sigma, w: torch.full_like(w, sigma))


@shared
def magnitude_noise_scale(subject: Subject) -> float:
    """The sigma of noise N(0, sigma^2 w_i^2 + epsilon^2) on each parameter w_i at which accuracy has dropped by 0.1."""
    return _searched(subject, lambda sigma, w: (sigma**2 * w.square() + EPSILON**2).sqrt())


def _searched(subject: Subject, std: Callable[[float, Tensor], Tensor]) -> float:
    """Search for the scale with common random numbers; `std` is the standard deviation of the noise on a parameter."""
    generator = subject.generator("weight_noise")
    draws = {
        name: torch.randn((NUM_DRAWS, *w.shape), generator=generator, device=subject.device).to(subject.dtype)
        for name, w in subject.params.items()
    }
    unperturbed = mean_accuracy(subject, {name: w.unsqueeze(0) for name, w in subject.params.items()})

    def drop(sigma: float) -> float:
        perturbed = {name: w + std(sigma, w) * draws[name] for name, w in subject.params.items()}
        return unperturbed - mean_accuracy(subject, perturbed)

    return largest_scale(drop)


def mean_accuracy(subject: Subject, networks: dict[str, Tensor]) -> float:
    """Accuracy on NUM_EXAMPLES training examples, averaged over networks that are given as parameters [d, *shape]."""
    correct, seen = 0, 0
    with torch.no_grad():
        for x, y in subject.batches(NUM_EXAMPLES):
            logits = vmap(subject.forward, in_dims=(0, None))(networks, x)  # [d, b, k]
            hits = logits.argmax(-1) == y
            correct, seen = correct + int(hits.sum()), seen + hits.numel()
    return correct / seen


def largest_scale(drop: Callable[[float], float]) -> float:
    """The scale where `drop`, zero at zero and rising, crosses ACCURACY_DROP.

    Brackets by octaves from START, bisects BISECTIONS times, and interpolates linearly in the logarithm of the scale.

    Raises:
        UnsupportedModel: no scale within MAX_DOUBLINGS octaves of START brackets the crossing.
    """
    low, high = _bracket(drop)
    for _ in range(BISECTIONS):
        middle = math.sqrt(low[0] * high[0])
        at_middle = drop(middle)
        if at_middle <= ACCURACY_DROP:
            low = middle, at_middle
        else:
            high = middle, at_middle
    share: float = (ACCURACY_DROP - low[1]) / (high[1] - low[1])
    return low[0] * math.exp(share * math.log(high[0] / low[0]))


def _bracket(drop: Callable[[float], float]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two scales one octave apart with their drops, the first at most ACCURACY_DROP and the second above."""
    scale = START
    at_scale = drop(scale)
    factor = 2.0 if at_scale <= ACCURACY_DROP else 0.5
    for _ in range(MAX_DOUBLINGS):
        following = scale * factor
        at_following = drop(following)
        if (at_following <= ACCURACY_DROP) != (at_scale <= ACCURACY_DROP):
            near, far = (scale, at_scale), (following, at_following)
            return (near, far) if factor > 1 else (far, near)
        scale, at_scale = following, at_following
    if factor > 1:
        raise UnsupportedModel(
            f"No weight noise lowers its training accuracy by {ACCURACY_DROP}: at scale {scale:g} the drop is "
            f"{at_scale:.3f}. It is no better than chance to begin with."
        )
    raise UnsupportedModel(
        f"Even weight noise of scale {scale:g} lowers its training accuracy by {at_scale:.3f}, more than "
        f"{ACCURACY_DROP}."
    )
