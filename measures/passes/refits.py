"""Retrain the subject's recipe on other data: one batch of trainings serves every measure that retrains.

All trainings have as many examples as the subject's own: what is smaller is repeated, so that one fleet trains them and
an epoch has as many steps in each.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import CHUNK, Subject, UnsupportedModelError, seed_for, shared
from measures.training_history import Refitted, Training

TRAININGS: Final = "9 trainings, shared"  # what every measure of them costs
NOISE: Final = 0.05  # share of labels made wrong (Bansal et al. 2021: eta = 5 %)
SWAPPED: Final = 0.1  # share of examples left out at once: one training instead of one for each of them
PREFIXES: Final = (8, 4)  # a network is trained on the first n / 8 examples of a fixed draw, and on the first n / 4
MIN_EXAMPLES: Final = 16  # fewer leave nothing to train on: the shortest prefix is an eighth


@dataclass(frozen=True, slots=True)
class Refits:
    """Retrained networks and their data; indices are of the training examples.

    Attributes:
        noisy_labels: [n], a share NOISE of them wrong.
        noisy: trained on them from the subject's own start.
        random_labels: [n], uniform over the classes.
        random: trained on them from the subject's own start.
        left_out: [r], the share SWAPPED of examples in whose places copies of others stand.
        without: trained without them from the subject's own start.
        halves: two disjoint halves [n / 2] of the training set.
        of_halves: for each half the networks trained on it alone, from the subject's own seed and from another.
        order: [n], a fixed draw of the training set, of which the first half comes first.
        of_prefixes: networks trained on the first examples of `order`, by their number, ascending; the last is n / 2.
    """

    noisy_labels: Tensor
    noisy: Refitted
    random_labels: Tensor
    random: Refitted
    left_out: Tensor
    without: Refitted
    halves: tuple[Tensor, Tensor]
    of_halves: tuple[tuple[Refitted, Refitted], tuple[Refitted, Refitted]]
    order: Tensor
    of_prefixes: dict[int, Refitted]


@shared
def refits(subject: Subject) -> Refits:
    """Nine networks trained in one call.

    Raises:
        UnsupportedModelError: fewer than MIN_EXAMPLES examples, or a training that diverges.
    """
    refit, n = subject.refit, subject.num_examples
    if n < MIN_EXAMPLES:
        raise UnsupportedModelError(f"Training once more takes at least {MIN_EXAMPLES} examples; it has {n}.")
    order, draw = subject.sample(n), _Draw(subject)
    another = seed_for("refits", subject.seed) % 2**31
    left_out, donors = draw.examples("left_out", 2 * _share(SWAPPED, n)).chunk(2)
    rows = torch.arange(n, device=subject.device)
    rows[left_out] = donors
    halves = order[: n // 2], order[n // 2 :]
    noisy_labels, random_labels = draw.noisy_labels(), draw.random_labels()
    trainings = [
        Training(inputs=subject.inputs, labels=noisy_labels),
        Training(inputs=subject.inputs, labels=random_labels),
        _training_on(subject, rows),
        *(_training_on(subject, half, seed) for half in halves for seed in (None, another)),
        *(_training_on(subject, order[: n // divisor]) for divisor in PREFIXES),
    ]
    noisy, random, without, first, first_again, second, second_again, *shortest = (
        _validated(subject, fitted) for fitted in refit(trainings)
    )
    return Refits(
        noisy_labels, noisy, random_labels, random, left_out, without, halves,
        ((first, first_again), (second, second_again)), order,
        {**{n // divisor: fitted for divisor, fitted in zip(PREFIXES, shortest, strict=True)}, n // 2: first},
    )  # fmt: skip


def logits_under(subject: Subject, fitted: Refitted, inputs: Tensor) -> Tensor:
    """Logits [n, k] of `inputs` [n, c, h, w] under a retrained network."""
    with torch.no_grad():
        return torch.cat([subject.forward({**fitted.buffers, **fitted.params}, x) for x in inputs.split(CHUNK)])


def predictions_under(subject: Subject, network: Refitted, chosen: Tensor) -> Tensor:
    """Classes [m] that a network gives to these training examples [m]."""
    return logits_under(subject, network, subject.inputs[chosen]).argmax(1)


def losses_under(subject: Subject, network: Refitted, chosen: Tensor) -> Tensor:
    """Cross-entropies [m], float64, of a network at these training examples [m]."""
    answers = logits_under(subject, network, subject.inputs[chosen]).double()
    return cross_entropy(answers, subject.labels[chosen], reduction="none")


class _Draw:
    """Random draws that follow the content of the examples, not their order."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.order = subject, subject.sample(subject.num_examples)

    def examples(self, purpose: str, count: int) -> Tensor:
        """Indices [count] of examples without replacement."""
        chosen = torch.randperm(len(self.order), generator=self._generator(purpose), device=self.order.device)
        return self.order[chosen[:count]]

    def noisy_labels(self) -> Tensor:
        """The labels [n] of which a share NOISE, at least one, is moved to another class, uniform over the others."""
        wrong, k = self.examples("wrong", _share(NOISE, len(self.order))), self.subject.num_classes
        labels = self.subject.labels.clone()
        labels[wrong] = (labels[wrong] + self._integers("by", 1, k, len(wrong))) % k
        return labels

    def random_labels(self) -> Tensor:
        """Labels [n] uniform over the classes."""
        labels = torch.empty_like(self.subject.labels)
        labels[self.order] = self._integers("random", 0, self.subject.num_classes, len(labels))
        return labels

    def _integers(self, purpose: str, low: int, high: int, count: int) -> Tensor:
        return torch.randint(low, high, (count,), generator=self._generator(purpose), device=self.order.device)

    def _generator(self, purpose: str) -> torch.Generator:
        return self.subject.generator("refits", purpose)


def _share(share: float, n: int) -> int:
    return max(1, round(share * n))


def _training_on(subject: Subject, chosen: Tensor, seed: int | None = None) -> Training:
    """Training on these examples [m], repeated to the size of the training set."""
    n = subject.num_examples
    rows = chosen.repeat(-(-n // len(chosen)))[:n]
    return Training(inputs=subject.inputs[rows], labels=subject.labels[rows], seed=seed)


def _validated(subject: Subject, fitted: Refitted) -> Refitted:
    """The same on the subject's device and in its dtype."""
    if not all(bool(p.isfinite().all()) for p in fitted.params.values()):
        raise UnsupportedModelError(
            "A network that was trained once more by its recipe has diverged: weights not finite."
        )
    params = {name: p.detach().to(subject.device, subject.dtype) for name, p in fitted.params.items()}
    buffers = {
        name: b.to(subject.device, subject.dtype) if b.is_floating_point() else b.to(subject.device)
        for name, b in fitted.buffers.items()
    }
    return Refitted(
        params=params,
        buffers=buffers,
        losses=fitted.losses,
        steps_per_epoch=fitted.steps_per_epoch,
        converged=fitted.converged,
    )
