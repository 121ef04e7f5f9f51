"""Optimise a Gaussian posterior of the weights, from the trained ones, for a small PAC-Bayes bound."""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.weights.folded_network import folded_network, initial_params

DELTA: Final = 0.025  # chance that the bound given the training error fails; this and b and c as in the paper
PRECISION: Final = 100  # b: two neighbours among the variances of the prior differ by a hundredth in logarithm
LARGEST_VARIANCE: Final = 0.1  # c: all variances of the prior are smaller
START_STD: Final = math.exp(-3)  # of the posterior: the paper starts the prior so; small networks bear 0.02 to 0.1
NUM_STEPS: Final = 400  # bounds the cost: a gradient of a minibatch each
RATE: Final = 0.005  # of the means, at first; it falls linearly to zero
LOG_STD_RATE: Final = 0.1  # of the logarithms of the standard deviations
DECAY: Final = 0.9  # of the mean square of the gradients
BATCH: Final = 128  # examples of a minibatch


@dataclass(frozen=True, slots=True)
class Posterior:
    """Independent Gaussians over the p parameters of the folded network, in its order.

    Attributes:
        mean: [p].
        log_std: [p], natural logarithms of standard deviations.
        start: [p], the mean of the prior: the parameters at initialization.
    """

    mean: Tensor
    log_std: Tensor
    start: Tensor

    def divergence(self, variance: Tensor) -> Tensor:
        r"""Kullback-Leibler divergence from the prior N(w_0, lambda I), in nats.

        .. math:: \frac{1}{2} \Big( \frac{\lVert s \rVert_1 + \lVert w - w_0 \rVert_2^2}{\lambda} - p + p \log \lambda -
            \sum_i \log s_i \Big)

        of posterior means w and variances s.
        """
        size = len(self.mean)
        spread = (2 * self.log_std).exp().sum() + (self.mean - self.start).square().sum()
        return (spread / variance + size * (variance.log() - 1)) / 2 - self.log_std.sum()

    def best_variance(self) -> Tensor:
        """The variance of the prior at which the divergence is smallest, of those that the union bound covers."""
        spread = (2 * self.log_std).exp() + (self.mean - self.start).square()
        return spread.mean().clamp(max=LARGEST_VARIANCE * math.exp(-1 / PRECISION))

    def penalty(self, variance: Tensor, num_examples: int) -> Tensor:
        r"""Right side of the PAC-Bayes theorem, with a union bound over the variances lambda of the prior.

        .. math:: \frac{1}{m - 1} \Big( \mathrm{KL}(Q \Vert P_\lambda) + 2 \log \big( b \log(c / \lambda) \big) +
            \log \frac{\pi^2 m}{6 \delta} \Big)

        It holds for all lambda = c exp(-j / b) with whole j > 0 at once, with probability 1 - delta over the training
        set, of m examples.
        """
        union = 2 * (PRECISION * (LARGEST_VARIANCE / variance).log()).log()
        constant = math.log(math.pi**2 * num_examples / (6 * DELTA))
        return (self.divergence(variance) + union + constant) / (num_examples - 1)

    def smallest_penalty(self, num_examples: int) -> float:
        """The penalty in float64 at the better of the two allowed variances of the prior nearest to the best one."""
        exact = Posterior(self.mean.double(), self.log_std.double(), self.start.double())
        place = PRECISION * math.log(LARGEST_VARIANCE / float(exact.best_variance()))
        allowed = (
            exact.mean.new_tensor(LARGEST_VARIANCE * math.exp(-max(1, rounded) / PRECISION))
            for rounded in (math.floor(place), math.ceil(place))
        )
        return min(float(exact.penalty(variance, num_examples)) for variance in allowed)


@shared
def posterior(subject: Subject) -> Posterior:
    r"""The posterior after NUM_STEPS steps of RMSprop on the surrogate bound.

    .. math:: E_{w' \sim N(w, s)} \Big[ \frac{L(w')}{\log 2} \Big] + \sqrt{\frac{1}{2} B(w, s, \lambda)}

    with L the mean cross-entropy and B the penalty. L / log 2 is the paper's logistic loss for two classes, and for any
    number of them bounds the error from above, since an example that is answered wrongly has a probability of at most
    1/2. Each step draws a minibatch and a network from the posterior. Departs from the paper in lambda, which takes its
    best value for the divergence in each step, in the number of steps (the paper takes 200,000) with longer ones,
    and in the start, where all standard deviations are equal: those of the paper follow the weights and vanish with
    them. Source: Dziugaite & Roy 2017, arXiv:1703.11008, sec. 3 and 4.

    Raises:
        UnsupportedModelError: a single example, or a descent that diverges.
    """
    n = subject.num_examples
    if n == 1:
        raise UnsupportedModelError("The bound divides by the number of examples minus one: it needs two.")
    forward = folded_network(subject).forward
    mean, start = flat(folded_network(subject).params), flat(initial_params(subject))
    state = Posterior(mean.clone().requires_grad_(), torch.full_like(mean, math.log(START_STD)).requires_grad_(), start)
    groups = [{"params": [state.mean], "lr": RATE}, {"params": [state.log_std], "lr": LOG_STD_RATE}]
    optimizer = torch.optim.RMSprop(groups, alpha=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / NUM_STEPS)
    order, generator = subject.sample(n), subject.generator("gaussian_posterior")
    for _ in range(NUM_STEPS):
        batch = order[torch.randperm(n, generator=generator, device=order.device)[:BATCH]]
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=torch.float32).to(mean)
        logits = forward(unflatten(subject, state.mean + state.log_std.exp() * noise), subject.inputs[batch])
        bound = surrogate(state, cross_entropy(logits, subject.labels[batch]), n)
        state.mean.grad, state.log_std.grad = torch.autograd.grad(bound, [state.mean, state.log_std])
        optimizer.step()
        schedule.step()
    found = Posterior(state.mean.detach(), state.log_std.detach(), start)
    if not bool(found.mean.isfinite().all() and found.log_std.isfinite().all()):
        raise UnsupportedModelError("The descent on the bound diverges: the posterior is not finite.")
    return found


def surrogate(state: Posterior, loss: Tensor, num_examples: int) -> Tensor:
    """The surrogate bound of a posterior whose networks have this mean cross-entropy."""
    penalty = state.penalty(state.best_variance(), num_examples)
    return loss / math.log(2) + (penalty / 2).sqrt()


def flat(params: dict[str, Tensor]) -> Tensor:
    """All parameters in one row [p]."""
    return torch.cat([p.flatten() for p in params.values()])


def unflatten(subject: Subject, values: Tensor) -> dict[str, Tensor]:
    """Parameters [..., *shape] of the folded network, by name, from rows [..., p]."""
    params = folded_network(subject).params
    parts = values.split([p.numel() for p in params.values()], -1)
    return {
        name: part.view((*values.shape[:-1], *p.shape)) for (name, p), part in zip(params.items(), parts, strict=True)
    }
