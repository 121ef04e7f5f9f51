"""The optimised Gaussian posterior against torch's divergences, finite differences and a transcription."""

import math
from dataclasses import replace
from typing import Final

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import cross_entropy

from measures.api import Need, Subject, UnsupportedModelError
from measures.passes.perturbations import gaussian_posterior
from measures.passes.perturbations.gaussian_posterior import Posterior, posterior, surrogate
from tests.measures.networks import network

INIT: Final[frozenset[Need]] = frozenset({"init"})


def example(size: int = 50, scale: float = 0.1) -> Posterior:
    """A posterior of random means and standard deviations."""
    generator = torch.Generator().manual_seed(0)
    mean, log_std, start = torch.randn(3, size, generator=generator, dtype=torch.float64)
    return Posterior(scale * mean, log_std - 3, scale * start)


def test_divergence_is_that_of_torch_and_smallest_at_the_best_variance() -> None:
    """Sum over parameters of the divergence of two Gaussians."""
    found, variance = example(), torch.tensor(0.02, dtype=torch.float64)
    prior = Normal(found.start, variance.sqrt())
    expected = kl_divergence(Normal(found.mean, found.log_std.exp()), prior).sum()

    assert float(found.divergence(variance)) == pytest.approx(float(expected), rel=1e-12)
    best = found.best_variance()
    assert float(best) < 0.099
    assert all(found.divergence(best) < found.divergence(best * factor) for factor in (0.99, 1.01))
    assert float(example(scale=9.0).best_variance()) == pytest.approx(0.1 * math.exp(-0.01), rel=1e-12)


def test_the_penalty_spends_the_whole_chance_of_failure() -> None:
    """With chance 6 delta / (pi^2 j^2) for the j-th variance it is Langford's bound, and the chances sum to delta."""
    found, n = example(), 1000
    chances = []
    for j in (1, 7, 200):
        variance = torch.tensor(0.1 * math.exp(-j / 100), dtype=torch.float64)
        chances.append(0.025 * 6 / (math.pi**2 * j**2))
        expected = (float(found.divergence(variance)) + math.log(n / chances[-1])) / (n - 1)
        assert float(found.penalty(variance, n)) == pytest.approx(expected, rel=1e-9)

    assert chances[0] * sum(1 / j**2 for j in range(1, 100_000)) == pytest.approx(0.025, rel=1e-4)
    allowed = [torch.tensor(0.1 * math.exp(-j / 100), dtype=torch.float64) for j in range(1, 1000)]
    large = example(20_000)  # so that the union bound moves the best variance by less than their distance
    smallest = min(float(large.penalty(variance, n)) for variance in allowed)
    assert large.smallest_penalty(n) == pytest.approx(smallest, rel=1e-9)


def test_the_surrogate_descends_by_its_slope() -> None:
    """Finite differences in means and deviations, where the prior follows the posterior and where it cannot."""
    for found in (example(), example(scale=3.0)):
        mean, log_std = found.mean.clone().requires_grad_(), found.log_std.clone().requires_grad_()
        loss = torch.tensor(0.3, dtype=torch.float64)
        slopes = torch.autograd.grad(surrogate(Posterior(mean, log_std, found.start), loss, 100), [mean, log_std])
        for name, slope in zip(("mean", "log_std"), slopes, strict=True):
            value, step = getattr(found, name), torch.zeros(50, dtype=torch.float64)
            for place in (0, 17):
                step.zero_()[place] = 1e-5
                ends = [float(surrogate(replace(found, **{name: value + sign * step}), loss, 100)) for sign in (1, -1)]
                assert float(slope[place]) == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)


def test_the_loss_bounds_the_error_from_above() -> None:
    """Of an example that is answered wrongly the probability is at most a half, however many classes there are."""
    logits = torch.randn(2000, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    losses = cross_entropy(logits, torch.zeros(2000, dtype=torch.long), reduction="none") / math.log(2)

    assert (losses[logits.argmax(1) != 0] >= 1).all()


def test_transcription(linear: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Softmax regression with its gradients by hand, the update of RMSprop written out, and the same draws."""
    monkeypatch.setattr(gaussian_posterior, "NUM_STEPS", 30)
    subject = linear._with_needs(INIT)
    n, k = subject.num_examples, subject.num_classes
    x, labels = subject.inputs.flatten(1), subject.labels
    order, generator = subject.sample(n), subject.generator("gaussian_posterior")
    assert list(subject.params) == ["1.weight", "1.bias"]
    start = torch.cat([p.flatten() for p in subject.init_params.values()])
    w = torch.cat([p.flatten() for p in subject.params.values()])
    rho = torch.full_like(w, -3.0)
    squares = [torch.zeros_like(w), torch.zeros_like(w)]
    size = len(w)
    for step in range(30):
        batch = order[torch.randperm(n, generator=generator)[:128]]
        noise = torch.randn(size, generator=generator).double()
        drawn = w + rho.exp() * noise
        weight, bias = drawn[:-k].view(k, -1), drawn[-k:]
        wrong = (x[batch] @ weight.T + bias).softmax(1) - torch.eye(k, dtype=torch.float64)[labels[batch]]
        slope = torch.cat([(wrong.T @ x[batch]).flatten(), wrong.sum(0)]) / len(batch) / math.log(2)
        std = rho.exp()
        lam = min(float((std**2 + (w - start) ** 2).mean()), 0.1 * math.exp(-0.01))
        kl = float(((std**2 + (w - start) ** 2) / lam - 1 + math.log(lam) - 2 * rho).sum()) / 2
        union = 2 * math.log(100 * math.log(0.1 / lam)) + math.log(math.pi**2 * n / (6 * 0.025))
        factor = 1 / (4 * math.sqrt((kl + union) / (n - 1) / 2) * (n - 1))  # of the square root by the divergence
        pull = 1 / lam  # of the variance of each parameter on the divergence, and on the union bound if lambda follows
        if lam < 0.099:
            pull -= 4 / (size * lam * math.log(0.1 / lam))
        slopes = [slope + factor * pull * (w - start), slope * noise * std + factor * (pull * std**2 - 1)]
        squares = [0.9 * old + 0.1 * new**2 for old, new in zip(squares, slopes, strict=True)]
        moves = [new / (old.sqrt() + 1e-8) for old, new in zip(squares, slopes, strict=True)]
        w, rho = w - 0.005 * (1 - step / 30) * moves[0], rho - 0.1 * (1 - step / 30) * moves[1]

    found = posterior(subject)
    torch.testing.assert_close(found.mean, w, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.log_std, rho, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.start, start)


def test_the_surrogate_falls(mlp: Subject) -> None:
    """The penalty is smaller than at the start, and networks from the posterior still fit."""
    subject = mlp._with_needs(INIT)
    found = posterior(subject)
    trained = torch.cat([p.flatten() for p in subject.params.values()])
    first = Posterior(trained, torch.full_like(trained, -3.0), found.start)

    def value(state: Posterior) -> float:
        return float(surrogate(state, loss_of(subject, state), subject.num_examples))

    assert value(found) < 0.9 * value(first)


def loss_of(subject: Subject, state: Posterior) -> Tensor:
    """Mean cross-entropy of networks from a posterior on the training set."""
    generator, losses = torch.Generator().manual_seed(1), []
    for _ in range(50):
        noise = torch.randn(len(state.mean), generator=generator, dtype=torch.float64)
        params = gaussian_posterior.unflatten(subject, state.mean + state.log_std.exp() * noise)
        losses.append(cross_entropy(subject.forward(params, subject.inputs), subject.labels))
    return torch.stack(losses).mean()


def test_what_has_no_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single example, and steps so long that the descent diverges."""
    data = network("mlp")
    single = Subject(data.model, data.inputs[:1], data.labels[:1], init_state=data.init_state)
    with pytest.raises(UnsupportedModelError, match="needs two"):
        posterior(single._with_needs(INIT))

    monkeypatch.setattr(gaussian_posterior, "LOG_STD_RATE", 1e9)
    with pytest.raises(UnsupportedModelError, match="diverges"):
        posterior(data.subject()._with_needs(INIT))
