"""How much Gaussian noise the weights bear: the scale at which training accuracy has dropped by a tenth."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import torch
from torch import Tensor
from torch.func import vmap

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.activations.outputs import logits

ACCURACY_DROP: Final = 0.1  # Jiang et al. 2020, appendix C.4
EPSILON: Final = 1e-3  # standard deviation that also a zero weight gets in magnitude-aware noise; same place
NUM_EXAMPLES: Final = 256  # bounds the cost: a resolution of 1/2048 in mean accuracy, finer than the draws decide it
NUM_DRAWS: Final = 8  # the same for every scale tried
START: Final = 0.05  # networks trained on small images bear 0.02 to 0.1; `under_noise` is there already
MAGNITUDE_START: Final = 0.1  # and 0.07 to 0.7 of their own magnitude
MAX_DOUBLINGS: Final = 16  # up or down from the start; no accuracy that has not dropped by 3000 will drop
REFINEMENTS: Final = 1  # of an octave, by interpolation: within 1 % of the crossing, which the draws decide to 5 %
FINEST: Final = 1 / 2048  # one example of one draw
PATIENCE: Final = 3  # octaves in vain after which the last of them is looked at: where that is in vain too, all are
FLOATS_TO_STACK: Final = 2**17  # of inputs: beyond, a processor takes several times as long for stacked convolutions


Std = Callable[[Tensor], Tensor]  # a parameter to the standard deviation of the noise on it


@shared
def noise_scale(subject: Subject) -> float:
    """Standard deviation sigma of noise N(0, sigma^2) on every parameter at which accuracy has dropped by 0.1."""
    unperturbed = without_noise(subject).accuracy

    def drop(sigma: float) -> float:
        seen = (
            under_noise(subject)
            if sigma == START
            else _evaluate_under_noise(subject, lambda w: torch.full_like(w, sigma))
        )
        return unperturbed - seen.accuracy

    return largest_scale(drop, START)


@shared
def magnitude_noise_scale(subject: Subject) -> float:
    """The sigma of noise N(0, sigma^2 w_i^2 + epsilon^2) on each parameter w_i at which accuracy has dropped by 0.1."""
    unperturbed = without_noise(subject).accuracy

    def drop(sigma: float) -> float:
        return (
            unperturbed - _evaluate_under_noise(subject, lambda w: (sigma**2 * w.square() + EPSILON**2).sqrt()).accuracy
        )

    return largest_scale(drop, MAGNITUDE_START)


@shared
def noise_draws(subject: Subject) -> dict[str, Tensor]:
    """Standard normal noise, by parameter [d, *shape]: the same draws for every scale and every measure."""
    generator = subject.generator("weight_noise")
    return {
        name: torch.randn((NUM_DRAWS, *w.shape), generator=generator, device=subject.device).to(subject.dtype)
        for name, w in subject.params.items()
    }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What d networks answer on NUM_EXAMPLES training examples.

    Attributes:
        losses: mean cross-entropy of each [d], in nats and float64.
        normalised_losses: the same of normalised logits.
        accuracy: mean over networks and examples.
    """

    losses: Tensor
    normalised_losses: Tensor
    accuracy: float


@shared
def without_noise(subject: Subject) -> Evaluation:
    """Of the trained network alone, whose logits are finite."""
    logits(subject)
    return evaluate_networks(subject, {name: w.unsqueeze(0) for name, w in subject.params.items()})


@shared
def under_noise(subject: Subject) -> Evaluation:
    """Of the network under each draw of noise of standard deviation START on every parameter."""
    return _evaluate_under_noise(subject, lambda w: torch.full_like(w, START))


@shared
def under_magnitude_noise(subject: Subject) -> Evaluation:
    """Of the network under each draw of noise of standard deviation MAGNITUDE_START |w_i| on each parameter."""
    return _evaluate_under_noise(subject, lambda w: MAGNITUDE_START * w.abs())


def _evaluate_under_noise(subject: Subject, std: Std) -> Evaluation:
    draws = noise_draws(subject)
    return evaluate_networks(subject, {name: w + std(w) * draws[name] for name, w in subject.params.items()})


def evaluate_networks(subject: Subject, networks: dict[str, Tensor]) -> Evaluation:
    """Answers of networks that are given as parameters [d, *shape]."""
    count = len(next(iter(networks.values())))
    plain, unit = (torch.zeros(count, dtype=torch.float64, device=subject.device) for _ in range(2))
    correct, seen = 0, 0
    with torch.no_grad():
        for x, y in subject.batches(NUM_EXAMPLES):
            outputs = logits_of_all(subject, networks, x)
            plain += _summed_losses(outputs.double(), y)
            unit += _summed_losses(normalise_logits(outputs.double()), y)
            correct, seen = correct + int((outputs.argmax(-1) == y).sum()), seen + len(y)
    return Evaluation(plain / seen, unit / seen, correct / (seen * count))


def logits_of_all(subject: Subject, networks: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    """Logits [d, b, k] of networks that are given as parameters (and buffers) [d, *shape], side by side if quicker."""
    if inputs.device.type != "cpu" or inputs.numel() <= FLOATS_TO_STACK:
        return vmap(subject.forward, in_dims=(0, None))(dict(networks), inputs)
    count = len(next(iter(networks.values())))
    return torch.stack([subject.forward({k: v[d] for k, v in networks.items()}, inputs) for d in range(count)])


def _summed_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy [d] of logits [d, b, k], summed over examples."""
    at_label = logits.gather(-1, labels.expand(len(logits), -1).unsqueeze(-1)).squeeze(-1)
    return (logits.logsumexp(-1) - at_label).sum(-1)


def normalise_logits(logits: Tensor) -> Tensor:
    """Logits [..., k] minus their mean, over the length of what remains; zero where they are all alike."""
    centred = logits - logits.mean(-1, keepdim=True)
    squares = centred.square().sum(-1, keepdim=True)
    return centred * torch.where(squares > 0, squares, 1.0).rsqrt()


def largest_scale(drop: Callable[[float], float], start: float = START) -> float:
    """The scale where `drop`, zero at zero and rising, crosses ACCURACY_DROP.

    Brackets by octaves from `start`, then interpolates linearly in the logarithm of the scale, REFINEMENTS times with a
    new evaluation there that becomes an end of the bracket, and once more for the answer.

    Raises:
        UnsupportedModelError: no scale within MAX_DOUBLINGS octaves of `start` brackets the crossing.
    """
    low, high = _bracket(drop, start)
    for _ in range(REFINEMENTS):
        scale = _crossing(low, high)
        if not low[0] < scale < high[0]:
            break
        at_scale = drop(scale)
        if at_scale <= ACCURACY_DROP:
            low = scale, at_scale
        else:
            high = scale, at_scale
    return _crossing(low, high)


def _crossing(low: tuple[float, float], high: tuple[float, float]) -> float:
    """The scale at which the line between two points meets ACCURACY_DROP, in logarithm and normal quantile."""
    below, above = _quantile(low[1]), _quantile(high[1])
    share: float = (_quantile(ACCURACY_DROP) - below) / (above - below)
    return low[0] * math.exp(share * math.log(high[0] / low[0]))


def _quantile(drop: float) -> float:
    """Standard normal quantile of a drop, which may lie outside of (0, 1)."""
    return NormalDist().inv_cdf(min(max(drop, FINEST), 1 - FINEST))


def _bracket(drop: Callable[[float], float], start: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two scales one octave apart with their drops, the first at most ACCURACY_DROP and the second above."""
    scale = start
    at_scale = drop(scale)
    factor = 2.0 if at_scale <= ACCURACY_DROP else 0.5
    for octave in range(1, MAX_DOUBLINGS + 1):
        following = scale * factor
        at_following = drop(following)
        if (at_following <= ACCURACY_DROP) != (at_scale <= ACCURACY_DROP):
            near, far = (scale, at_scale), (following, at_following)
            return (near, far) if factor > 1 else (far, near)
        scale, at_scale = following, at_following
        if octave == PATIENCE:
            last = start * factor**MAX_DOUBLINGS
            at_last = drop(last)
            if (at_last <= ACCURACY_DROP) == (at_scale <= ACCURACY_DROP):
                scale, at_scale = last, at_last
                break
    if factor > 1:
        raise UnsupportedModelError(
            f"No weight noise lowers its training accuracy by {ACCURACY_DROP}: at scale {scale:g} the drop is "
            f"{at_scale:.3f}. It is no better than chance to begin with."
        )
    raise UnsupportedModelError(
        f"Even weight noise of scale {scale:g} lowers its training accuracy by {at_scale:.3f}, more than "
        f"{ACCURACY_DROP}."
    )
