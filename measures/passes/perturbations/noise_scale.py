"""The scale of Gaussian weight noise at which training accuracy has dropped by a tenth.

The noise is on the parameters of the network with batch norm folded in (`measures.passes.weights.folded_network`). An
expectation over noise and examples is a mean over pairs of a perturbed network and an example. One network on many
examples loses them together, so that what decides the error is the number of networks: each of as many networks as
memory has room for answers a few examples, and every example is answered equally often, up to one.
"""

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
from measures.passes.vectorization import vectorized_or_looped
from measures.passes.weights.folded_network import folded_network

ACCURACY_DROP: Final = 0.1  # Jiang et al. 2020, appendix C.4
EPSILON: Final = 1e-3  # standard deviation that also a zero weight gets in magnitude-aware noise; same place
NUM_PAIRS: Final = 4096  # of network and example, in the last step of a search: bounds the cost of a mean
SEARCH_PAIRS: Final = 1024  # in each other step
LOSS_PAIRS: Final = 2048  # of a mean loss at one scale
MIN_DRAWS: Final = 8  # the same for every scale tried
MAX_DRAWS: Final = 256  # of 16 examples each; more networks take longer and err by little less
TOGETHER_DRAWS: Final = 12  # of networks that answer the same examples
TOGETHER_EXAMPLES: Final = 256
NUMBERS_DRAWN: Final = 2**22  # 16 MiB of noise for all draws: fewer draws of larger networks
START: Final = 0.05  # networks trained on small images bear 0.02 to 0.1
MAGNITUDE_START: Final = 0.1  # and 0.07 to 0.7 of their own magnitude
PUBLISHED_START: Final = 0.3
MAX_DOUBLINGS: Final = 16  # up or down from the start; no accuracy that has not dropped by 3000 will drop
REFINEMENTS: Final = 1  # of an octave, by interpolation: within 1 % of the crossing
FINEST: Final = 1 / NUM_PAIRS
PATIENCE: Final = 3  # octaves in vain after which the last of them is looked at: where that is in vain too, all are
FLOATS_TO_STACK: Final = 2**17  # of inputs: beyond, a processor takes several times as long for stacked convolutions
FLOATS_AT_ONCE: Final = 2**26  # of inputs on another device: bounds memory
FLOATS_TO_LOOP: Final = 2**13  # of one network's inputs: as many fill a processor, and a loop over networks is quicker

Std = Callable[[Tensor], Tensor]  # a parameter to the standard deviation of the noise on it


@shared
def noise_scale(subject: Subject) -> float:
    """Standard deviation sigma of noise N(0, sigma^2) on every parameter at which accuracy has dropped by 0.1."""
    return _search_noise(subject, _everywhere, START)


@shared
def magnitude_noise_scale(subject: Subject) -> float:
    """The sigma of noise N(0, sigma^2 w_i^2 + epsilon^2) on each parameter w_i at which accuracy has dropped by 0.1."""
    return _search_noise(subject, lambda sigma: lambda w: (sigma**2 * w.square() + EPSILON**2).sqrt(), MAGNITUDE_START)


@shared
def published_noise_scale(subject: Subject) -> float:
    """The s at which noise of standard deviation s^2 costs a tenth of the accuracy, also on norms set to identity."""
    if not folded_network(subject).norms:
        return math.sqrt(noise_scale(subject))
    return math.sqrt(_search_noise(subject, _everywhere, START, with_norms=True))


@shared
def published_magnitude_noise_scale(subject: Subject) -> float:
    """The s of noise of standard deviation s^2 w_i^2 + epsilon^2, otherwise as `published_noise_scale`."""

    def noise(s: float) -> Std:
        return lambda w: s**2 * w.square() + EPSILON**2

    return _search_noise(subject, noise, PUBLISHED_START, with_norms=True)


@shared
def noise_draws(subject: Subject) -> dict[str, Tensor]:
    """Standard normal noise, by parameter [d, *shape]: the same draws for every scale and every measure."""
    network, generator = folded_network(subject), subject.generator("weight_noise")
    perturbed = {**network.params, **network.norms}
    size = max(1, sum(w.numel() for w in perturbed.values()))
    count = min(max(2 ** int(math.log2(max(1, NUMBERS_DRAWN // size))), MIN_DRAWS), MAX_DRAWS)
    return {
        name: torch.randn((count, *w.shape), generator=generator, device=subject.device).to(subject.dtype)
        for name, w in perturbed.items()
    }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Losses and accuracy of d networks on training examples, e each.

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
    """Evaluate the trained network alone, whose logits are finite, on the examples that noise is judged on."""
    chosen = subject.sample(NUM_PAIRS)
    outputs, labels = logits(subject)[chosen].double().unsqueeze(0), subject.labels[chosen].unsqueeze(0)
    return _judged(outputs, labels)


@shared
def under_noise(subject: Subject) -> Evaluation:
    """Evaluate networks under noise of standard deviation START on every parameter."""
    return _evaluate_under_noise(subject, _everywhere(START), LOSS_PAIRS)


@shared
def under_noise_together(subject: Subject) -> Evaluation:
    """As `under_noise`, of few networks on the same examples, for what is no mean over both."""
    draws, shown = noise_draws(subject), subject.sample(TOGETHER_EXAMPLES)
    networks = {name: w + START * draws[name][:TOGETHER_DRAWS] for name, w in folded_network(subject).params.items()}
    return evaluate_networks(subject, networks, shown.expand(len(next(iter(networks.values()))), -1))


@shared
def under_magnitude_noise(subject: Subject) -> Evaluation:
    """Evaluate networks under noise of standard deviation MAGNITUDE_START |w_i| on each parameter."""
    return _evaluate_under_noise(subject, lambda w: MAGNITUDE_START * w.abs(), LOSS_PAIRS)


def _everywhere(sigma: float) -> Std:
    return lambda w: torch.full_like(w, sigma)


def _search_noise(subject: Subject, noise: Callable[[float], Std], start: float, *, with_norms: bool = False) -> float:
    """The scale at which noise of this standard deviation costs a tenth of the accuracy."""
    unperturbed = without_noise(subject).accuracy

    def drop(scale: float, pairs: int = SEARCH_PAIRS) -> float:
        return unperturbed - _evaluate_under_noise(subject, noise(scale), pairs, with_norms=with_norms).accuracy

    return largest_scale(drop, start, lambda scale: drop(scale, NUM_PAIRS))


def _evaluate_under_noise(subject: Subject, std: Std, pairs: int, *, with_norms: bool = False) -> Evaluation:
    network, draws = folded_network(subject), noise_draws(subject)
    perturbed = {**network.params, **network.norms} if with_norms else network.params
    networks = {name: w + std(w) * draws[name] for name, w in perturbed.items()}
    count = len(next(iter(networks.values())))
    order = subject.sample(subject.num_examples)
    shown = order[torch.arange(max(1, pairs // count) * count, device=order.device) % len(order)]
    return evaluate_networks(subject, networks, shown.view(count, -1))


def evaluate_networks(subject: Subject, networks: Mapping[str, Tensor], shown: Tensor) -> Evaluation:
    """Answers of networks that are given as parameters [d, *shape] to the training examples `shown` [d, e]."""
    forward = folded_network(subject).forward
    floats = shown.shape[1] * subject.inputs[0].numel()
    at_once = max(1, (FLOATS_TO_STACK if subject.device.type == "cpu" else FLOATS_AT_ONCE) // floats)
    found = []
    with torch.no_grad():
        for start in range(0, len(shown), at_once):
            piece = slice(start, start + at_once)
            some, x = {name: value[piece] for name, value in networks.items()}, subject.inputs[shown[piece]]
            found.append(_side_by_side(subject, forward, some, x))
    return _judged(torch.cat(found).double(), subject.labels[shown])


def _side_by_side(
    subject: Subject, forward: Callable[[Mapping[str, Tensor], Tensor], Tensor], networks: dict[str, Tensor], x: Tensor
) -> Tensor:
    """Logits [d, e, k] of networks given as parameters [d, *shape], each of its inputs [d, e, c, h, w]."""

    def one_by_one() -> Tensor:
        return torch.stack([forward({k: v[d] for k, v in networks.items()}, mine) for d, mine in enumerate(x)])

    if len(x) == 1 or _fills_processor(x[0]):
        return one_by_one()
    return vectorized_or_looped(subject, lambda: vmap(forward)(networks, x), one_by_one)


def _fills_processor(inputs: Tensor) -> bool:
    """Whether a pass of one network over these inputs is long enough that stacking networks saves nothing."""
    return inputs.device.type == "cpu" and inputs.numel() >= FLOATS_TO_LOOP


def _judged(outputs: Tensor, labels: Tensor) -> Evaluation:
    """Evaluate logits [d, e, k] against labels [d, e]."""
    hits = float((outputs.argmax(-1) == labels).double().mean())
    return Evaluation(_mean_losses(outputs, labels), _mean_losses(normalise_logits(outputs), labels), hits)


def logits_of_all(subject: Subject, networks: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    """Logits [d, b, k] of networks that are given as parameters (and buffers) [d, *shape], side by side if quicker."""
    count = len(next(iter(networks.values())))

    def one_by_one() -> Tensor:
        return torch.stack([subject.forward({k: v[d] for k, v in networks.items()}, inputs) for d in range(count)])

    if _fills_processor(inputs):
        return one_by_one()
    stacked = vmap(subject.forward, in_dims=(0, None))
    return vectorized_or_looped(subject, lambda: stacked(dict(networks), inputs), one_by_one)


def _mean_losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy [d] of logits [d, e, k] at labels [d, e]."""
    return (logits.logsumexp(-1) - logits.gather(-1, labels.unsqueeze(-1)).squeeze(-1)).mean(-1)


def normalise_logits(logits: Tensor) -> Tensor:
    """Logits [..., k] minus their mean, over the length of what remains; zero where they are all alike."""
    centred = logits - logits.mean(-1, keepdim=True)
    squares = centred.square().sum(-1, keepdim=True)
    return centred * torch.where(squares > 0, squares, 1.0).rsqrt()


def largest_scale(
    drop: Callable[[float], float],
    start: float = START,
    precise: Callable[[float], float] | None = None,
    what: str = "noise on its weights",
) -> float:
    """The scale where `drop`, zero at zero and rising, crosses ACCURACY_DROP.

    Brackets by octaves from `start`, then interpolates linearly in the logarithm of the scale, REFINEMENTS times with a
    new evaluation there, of `precise` where that is given, that becomes an end of the bracket, and once more for the
    answer. `what` is scaled, in words for refusals.

    Raises:
        UnsupportedModelError: no scale within MAX_DOUBLINGS octaves of `start` brackets the crossing.
    """
    low, high = _bracket(drop, start, what)
    for _ in range(REFINEMENTS):
        scale = _crossing(low, high)
        if not low[0] < scale < high[0]:
            break
        at_scale = (precise or drop)(scale)
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


def _bracket(
    drop: Callable[[float], float], start: float, what: str
) -> tuple[tuple[float, float], tuple[float, float]]:
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
            f"Even {what} of scale {scale:g} lowers its training accuracy by only {at_scale:.3f}; {ACCURACY_DROP} are "
            "needed. It is no better than chance to begin with."
        )
    raise UnsupportedModelError(
        f"Already {what} of scale {scale:g} lowers its training accuracy by {at_scale:.3f}, more than {ACCURACY_DROP}."
    )
