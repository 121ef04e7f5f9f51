"""Measures of the way of training, against loss curves with known crossings and gradients taken one by one."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.gradients.trajectory import (
    crossing,
    grad_noise_epoch1,
    sgd_stability_bound,
    sotl,
    sotl_e,
    steps_0_1_to_0_01,
    steps_to_0_1,
    tracin_self,
)
from measures.passes.gradients import checkpoints
from measures.passes.gradients.checkpoints import checkpoint_gradients
from measures.training_history import Checkpoint
from tests.measures.networks import Network, network


def along(data: Network, **changes: object) -> Subject:
    """A subject of this network whose trajectory has other parts."""
    trajectory = replace(data.trajectory(), **changes)  # type: ignore[arg-type]  # any of its fields
    return Subject(data.model, data.inputs, data.labels, trajectory=trajectory)


def squared_norms(data: Network, checkpoint: Checkpoint) -> tuple[torch.Tensor, torch.Tensor]:
    """||g_i||^2 [n] and the mean gradient [p] at a checkpoint, one example after the other."""
    params = {name: p.detach().requires_grad_() for name, p in checkpoint.params.items()}
    rows = []
    for x, y in zip(data.inputs, data.labels, strict=True):
        logits = torch.func.functional_call(data.model, {**checkpoint.buffers, **params}, (x.unsqueeze(0),))
        grads = torch.autograd.grad(cross_entropy(logits, y.unsqueeze(0)), list(params.values()))
        rows.append(torch.cat([g.flatten() for g in grads]))
    g = torch.stack(rows)
    return g.square().sum(1), g.mean(0)


def test_crossing_of_an_exponential_is_exact() -> None:
    """L = 2 exp(-t / 10) is log-linear: whatever the epochs, it is at l after 10 log(2 / l) steps."""
    steps = 4
    losses = [2 * math.exp(-(epoch + 0.5) * steps / 10) for epoch in range(30)]
    end = 2 * math.exp(-30 * steps / 10)
    for level in (1.9, 0.5, 0.1, 0.01, 2e-5):
        assert crossing(level, losses, steps, start=2.0, end=end) == pytest.approx(10 * math.log(2 / level), rel=1e-12)
    assert crossing(1e-9, losses, steps, start=2.0, end=end) is None
    assert crossing(2.5, losses, steps, start=2.0, end=end) == 0


def test_the_first_crossing_counts() -> None:
    """A loss that rises again was there before; one of exactly zero is no error."""
    assert crossing(0.1, [1.0, 0.01, 5.0, 0.01], 10, start=2.0, end=0.01) == pytest.approx(10.0)
    assert crossing(0.1, [1.0, 0.0], 10, start=2.0, end=0.0) == pytest.approx(5 + 10 / 12)


def test_steps_between_losses() -> None:
    """Epochs of 50 steps whose means are at 1, 0.1, 0.01, their middles at 25, 75, 125."""
    subject = along(network("mlp"), losses=[1.0, 0.1, 0.01], steps_per_epoch=50)

    assert steps_to_0_1(subject) == pytest.approx(75)
    assert steps_0_1_to_0_01(subject) == pytest.approx(50)


def test_the_trained_network_ends_the_curve() -> None:
    """The last epoch's mean lags behind: what the network reaches at the end counts, at the last step."""
    data = network("linear")
    subject = along(data, losses=[1.0, 0.2], steps_per_epoch=50)
    end = float(cross_entropy(data.model(data.inputs), data.labels).detach())
    assert 0.01 < end < 0.1

    expected = 75 + 25 * math.log(0.2 / 0.1) / math.log(0.2 / end)
    assert steps_to_0_1(subject) == pytest.approx(expected, rel=1e-9)
    with pytest.raises(UnsupportedModelError, match=r"never came down to 0\.01"):
        steps_0_1_to_0_01(subject)


def test_the_start_is_a_guess() -> None:
    """At step 0 the loss of ten equal probabilities."""
    subject = along(network("mlp"), losses=[0.05], steps_per_epoch=8)
    share = (math.log(math.log(10)) - math.log(0.1)) / (math.log(math.log(10)) - math.log(0.05))

    assert steps_to_0_1(subject) == pytest.approx(4 * share, rel=1e-12)


def test_sums_of_losses() -> None:
    """Mean of each epoch times its steps; the last epoch alone."""
    subject = along(network("mlp"), losses=[2.0, 1.0, 0.25], steps_per_epoch=7)

    assert sotl(subject) == pytest.approx(7 * 3.25)
    assert sotl_e(subject) == pytest.approx(7 * 0.25)


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_gradient_noise_then(name: str) -> None:
    """That of the checkpoint after one epoch, with the buffers of that time."""
    data = network(name)
    squares, mean = squared_norms(data, data.trajectory().checkpoints[1])

    expected = float(squares.mean() - mean.square().sum())
    assert grad_noise_epoch1(data.subject()) == pytest.approx(expected, rel=1e-8)


def test_tracin_follows_the_epochs() -> None:
    """Visits at the middles of epochs, gradients between checkpoints, the rate of each epoch, 1 / b of each step."""
    data = network("mlp")
    rates = [0.3 / (epoch + 1) for epoch in range(20)]
    subject = along(data, learning_rates=rates, batch_size=6)
    kept = data.trajectory().checkpoints
    at = {checkpoint.epoch: float(squared_norms(data, checkpoint)[0].mean()) for checkpoint in kept}
    expected = 0.0
    for epoch, rate in enumerate(rates):
        low, high = max(e for e in at if e <= epoch), min(e for e in at if e > epoch)
        share = (epoch + 0.5 - low) / (high - low)
        expected += rate / 6 * ((1 - share) * at[low] + share * at[high])

    assert tracin_self(subject) == pytest.approx(expected, rel=1e-9)


def test_stability_bound() -> None:
    """2 L^2 / n times the summed rates of all steps, L the largest gradient met."""
    data = network("mlp")
    subject = along(data, learning_rates=[0.5, 0.25], steps_per_epoch=9)
    largest = max(float(squared_norms(data, checkpoint)[0].max()) for checkpoint in data.trajectory().checkpoints)

    assert sgd_stability_bound(subject) == pytest.approx(2 * largest * 9 * 0.75 / 36, rel=1e-9)


def test_a_sample_stands_for_many_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more examples than the limit a fixed draw is taken, the same at every checkpoint."""
    monkeypatch.setattr(checkpoints, "NUM_EXAMPLES", 10)
    data = network("mlp")
    subject = data.subject()
    chosen = subject.sample(10)
    squares = squared_norms(data, data.trajectory().checkpoints[3])[0]

    then = checkpoint_gradients(subject._with_needs(frozenset({"trajectory"})))[3]
    assert then.epoch == 10
    torch.testing.assert_close(then.squared_norms, squares[chosen])


def test_of_many_checkpoints_six_are_kept() -> None:
    """The ends, the first after an epoch, and others evenly spaced."""
    data = network("linear")
    many = [replace(data.trajectory().checkpoints[0], step=step, epoch=step // 2) for step in range(41)]
    subject = along(data, checkpoints=many)

    found = checkpoint_gradients(subject._with_needs(frozenset({"trajectory"})))
    assert [then.epoch for then in found] == [0, 1, 5, 10, 15, 20]


@pytest.mark.parametrize(
    ("changes", "measures", "match"),
    [
        ({"losses": []}, (sotl, sotl_e, steps_to_0_1), "not trained for a single epoch"),
        ({"checkpoints": []}, (tracin_self, grad_noise_epoch1, sgd_stability_bound), "no checkpoint"),
    ],
)
def test_an_empty_trajectory_is_refused(changes: dict[str, object], measures: tuple[object, ...], match: str) -> None:
    """What was not recorded is not guessed."""
    for measure in measures:
        with pytest.raises(UnsupportedModelError, match=match):
            measure(along(network("mlp"), **changes))  # type: ignore[operator]  # a measure


def test_what_lies_between_is_not_guessed() -> None:
    """The ends alone tell neither the noise after an epoch nor the influence on the way."""
    data = network("mlp")
    kept = data.trajectory().checkpoints
    for checkpoints_kept in ([kept[0], kept[-1]], [kept[0], kept[2], kept[-1]]):
        with pytest.raises(UnsupportedModelError, match="no checkpoint after the first epoch"):
            grad_noise_epoch1(along(data, checkpoints=checkpoints_kept))
    with pytest.raises(UnsupportedModelError, match="between the ends; it has 2 in all"):
        tracin_self(along(data, checkpoints=[kept[0], kept[-1]]))


def test_checkpoints_may_lie_elsewhere_in_another_dtype() -> None:
    """Kept in half the precision they are those of the network, nearly."""
    data = network("conv_bn")
    kept = [
        replace(
            checkpoint,
            params={name: p.float() for name, p in checkpoint.params.items()},
            buffers={n: b.float() if b.is_floating_point() else b for n, b in checkpoint.buffers.items()},
        )
        for checkpoint in data.trajectory().checkpoints
    ]

    assert tracin_self(along(data, checkpoints=kept)) == pytest.approx(tracin_self(along(data)), rel=1e-5)
