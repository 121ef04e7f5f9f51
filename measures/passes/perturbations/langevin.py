"""Draws from the posterior of the weights near the trained ones, by stochastic gradient Langevin dynamics."""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.func import vmap
from torch.nn.functional import cross_entropy

from measures.api import CHUNK, Subject, UnsupportedModelError, shared
from measures.passes.curvature.hessian import top_of_spectrum
from measures.passes.vectorization import vectorized_or_looped

LOCALISATION: Final = 1000.0  # gamma: a prior of standard deviation 0.03 around each trained weight
STEP: Final = 0.1  # of the inverse of the largest curvature of the posterior; at 2 a chain diverges
NUM_CHAINS: Final = 4  # side by side, each with separate minibatches and noise
NUM_STEPS: Final = 120  # of each chain; bounds the cost: a gradient of a minibatch each
BURN_IN: Final = (
    40  # steps before the first draw: four times as many as a direction of the largest curvature takes to settle
)
EVERY: Final = 10  # steps between two draws: successive ones are alike
BATCH: Final = 32  # examples of a minibatch
NUM_EXAMPLES: Final = 256  # at which the losses of a draw are taken; bounds the cost


@dataclass(frozen=True, slots=True)
class Draws:
    """Losses of networks drawn from the posterior, in nats, float64.

    Attributes:
        losses: [r, m], of r draws at m training examples.
        trained: [m], of the trained network at the same examples.
        beta: inverse temperature of the posterior.
    """

    losses: Tensor
    trained: Tensor
    beta: float


@shared
def draws(subject: Subject) -> Draws:
    r"""Draws from the tempered posterior of the weights, localised at the trained ones w*.

    .. math:: p(w) \propto e^{-n \beta L(w) - \gamma \lVert w - w^* \rVert^2 / 2}, \quad \beta = 1 / \log n

    with L the mean cross-entropy over n training examples, by the steps

    .. math:: w \leftarrow w - \frac{\epsilon}{2} \big( n \beta \nabla L_B(w) + \gamma (w - w^*) \big) +
        \sqrt{\epsilon} z, \quad \epsilon = \frac{2 \cdot 0.1}{n \beta \max(0, \lambda_{max}) + \gamma}

    with minibatches B, z standard normal and lambda_max the top eigenvalue of the Hessian of L at w*. All measures of
    the posterior share these draws, and losses are compared at the same examples before and after.
    Source: Welling & Teh 2011; Lau et al. 2023, arXiv:2308.12108, who choose epsilon and gamma by hand.

    Raises:
        UnsupportedModelError: a single example, or a chain that diverges.
    """
    n = subject.num_examples
    if n == 1:
        raise UnsupportedModelError("The temperature of its posterior is the logarithm of 1 example: zero.")
    beta = 1 / math.log(n)
    step = 2 * STEP / (n * beta * max(0.0, top_of_spectrum(subject).eigenvalue) + LOCALISATION)
    order, generator = subject.sample(n), subject.generator("langevin")
    trained = torch.cat([p.flatten() for p in subject.params.values()])
    inputs, labels = subject.inputs[order[:NUM_EXAMPLES]], subject.labels[order[:NUM_EXAMPLES]]
    size = max(1, CHUNK // NUM_CHAINS)
    chunks = [
        (x.expand(NUM_CHAINS, *x.shape), y.expand(NUM_CHAINS, -1))
        for x, y in zip(inputs.split(size), labels.split(size), strict=True)
    ]

    moved = trained.new_zeros(NUM_CHAINS, len(trained))
    found = []
    for count in range(1, NUM_STEPS + 1):
        batch = order[torch.rand(NUM_CHAINS, n, generator=generator, device=order.device).argsort(1)[:, :BATCH]]
        noise = torch.randn(moved.shape, generator=generator, device=moved.device, dtype=torch.float32)
        here = (trained + moved).requires_grad_()
        loss = _losses(subject, here, subject.inputs[batch], subject.labels[batch]).mean(1).sum()
        (gradient,) = torch.autograd.grad(loss, [here], materialize_grads=True)
        moved = moved - step / 2 * (n * beta * gradient + LOCALISATION * moved) + math.sqrt(step) * noise.to(moved)
        if count > BURN_IN and count % EVERY == 0:
            with torch.no_grad():
                parts = [_losses(subject, trained + moved, x, y).double() for x, y in chunks]
            found.append(torch.cat(parts, 1))
    losses = torch.cat(found)
    if not bool(losses.isfinite().all()):
        raise UnsupportedModelError("Langevin dynamics from its weights diverges: its losses are not finite.")
    with torch.no_grad():
        own = cross_entropy(subject.logits_of(inputs).double(), labels, reduction="none")
    return Draws(losses, own, beta)


def _losses(subject: Subject, weights: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropies [chains, b] of the flat weights [chains, p] of each chain at its inputs and labels."""
    parts = weights.split([p.numel() for p in subject.params.values()], 1)
    params = {name: part.view(-1, *p.shape) for (name, p), part in zip(subject.params.items(), parts, strict=True)}

    def looped() -> Tensor:
        each = ({name: p[chain] for name, p in params.items()} for chain in range(len(inputs)))
        return torch.stack([subject.forward(state, x) for state, x in zip(each, inputs, strict=True)])

    logits = vectorized_or_looped(subject, lambda: vmap(subject.forward)(params, inputs), looped)
    return cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
