"""Ascent in a box against a plain loop, and the bounds that are made of its scale."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.sharpness.box_sharpness import (
    sharpness_flatness,
    sharpness_init,
    sharpness_mag_flatness,
    sharpness_mag_init,
    sharpness_mag_orig,
    sharpness_orig,
)
from measures.passes.perturbations import ascent
from measures.passes.perturbations import noise_scale as perturbation
from measures.passes.perturbations.ascent import box_scale, magnitude_box_scale, worst_in_box
from measures.passes.perturbations.noise_scale import noise_scale


def spread_thresholds() -> tuple[Subject, Tensor]:
    """A linear network whose example i is lost in a box of half-width exactly t_i, and the t_i [n], rising.

    Logits (x + 1.5 y, 0) at inputs (x, y) > 0 with x + y = 1, all of class 0: ascent lowers both weights of class 0 and
    raises those of class 1 by alpha, so that the margin falls by 2 alpha.
    """
    layer = nn.Linear(2, 2, bias=False).double()
    layer.weight.data = torch.tensor([[1.0, 1.5], [0.0, 0.0]], dtype=torch.float64)
    share = torch.linspace(0.05, 0.95, 101, dtype=torch.float64)
    inputs = torch.stack([share, 1 - share], 1)
    thresholds = (inputs @ layer.weight.data[0] / 2).sort().values
    subject = Subject(nn.Sequential(nn.Flatten(), layer), inputs.reshape(-1, 2, 1, 1), torch.zeros(101).long())
    return subject, thresholds


def test_box_scale_of_known_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenth of 101 examples is lost between the tenth and the eleventh threshold."""
    monkeypatch.setattr(perturbation, "REFINEMENTS", 12)
    subject, thresholds = spread_thresholds()

    assert float(thresholds[9]) <= box_scale(subject) <= float(thresholds[11])


def test_box_scale_after_one_refinement() -> None:
    """Every example is lost within half an octave, an abrupt case: within ten percent."""
    subject, thresholds = spread_thresholds()

    assert box_scale(subject) == pytest.approx(float(thresholds[10]), rel=0.1)
    assert sharpness_flatness(subject) == pytest.approx(box_scale(subject) ** -2, rel=1e-12)


def test_magnitude_box_scale_of_known_thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Class 1 has zero weights, which move by epsilon alone: margin m falls to m (1 - alpha) - 2 epsilon (x + y)."""
    monkeypatch.setattr(perturbation, "REFINEMENTS", 60)
    subject, thresholds = spread_thresholds()
    expected = 1 - 1e-3 / thresholds

    assert float(expected[9]) <= magnitude_box_scale(subject) <= float(expected[11])
    assert sharpness_mag_flatness(subject) == pytest.approx(magnitude_box_scale(subject) ** -2, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp", "conv_bn"])
def test_ascent_is_that_of_a_loop(name: str, request: pytest.FixtureRequest) -> None:
    """Three steps from corner to corner; the highest loss and the lowest accuracy seen, w itself included."""
    subject: Subject = request.getfixturevalue(name)
    bound = {n: 0.02 * p.abs() + 0.003 for n, p in subject.params.items()}
    u = {n: torch.zeros_like(p) for n, p in subject.params.items()}
    losses, accuracies = [], []
    for _ in range(4):
        params = {n: (p + u[n]).requires_grad_() for n, p in subject.params.items()}
        logits = subject.forward(params, subject.inputs)
        loss = cross_entropy(logits, subject.labels)
        losses.append(float(loss.detach()))
        accuracies.append(float((logits.argmax(1) == subject.labels).double().mean()))
        for n, g in zip(params, torch.autograd.grad(loss, list(params.values())), strict=True):
            u[n] = torch.maximum(torch.minimum(u[n] + bound[n] * g.sign(), bound[n]), -bound[n])

    highest, lowest = worst_in_box(subject, bound)

    assert highest == pytest.approx(max(losses), rel=1e-12)
    assert lowest == pytest.approx(min(accuracies), rel=1e-12)
    assert len(set(losses)) == 4
    assert max(losses) > losses[1] > losses[0], "later steps find more than the first"


def test_boxes_are_found_in_a_few_passes(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a sample of the examples, each scale costs two gradients and one forward pass."""
    monkeypatch.setattr(ascent, "NUM_EXAMPLES", 20)
    scales: list[float] = []
    plain = ascent.ascend

    def counted(subject: Subject, bound: dict[str, Tensor], *given: Any) -> tuple[float, float]:
        scales.append(float(next(iter(bound.values())).max()))
        return plain(subject, bound, *given)

    monkeypatch.setattr(ascent, "ascend", counted)
    box_scale(mlp)

    assert len(ascent.examples(mlp)[0]) == 20
    assert 3 <= len(scales) <= 10


def test_a_network_at_chance_has_no_box(mlp: Subject) -> None:
    """Where accuracy is below a tenth there is no tenth to lose."""
    wrong = mlp.logits_of(mlp.inputs).argmin(1)
    with pytest.raises(UnsupportedModelError, match="no better than chance"):
        sharpness_flatness(Subject(mlp.model, mlp.inputs, wrong))


def test_bounds(mlp: Subject) -> None:
    """Each formula of the paper written out."""
    start = {n: p / 3 for n, p in mlp.params.items()}
    subject = Subject(mlp.model, mlp.inputs, mlp.labels, init_state=start)
    w = torch.cat([p.flatten() for p in subject.params.values()]).tolist()
    norm = sum(x * x for x in w)
    moved = norm * 4 / 9
    omega, m, sigma = len(w), 36, noise_scale(subject)
    alpha, alpha_mag = box_scale(subject), magnitude_box_scale(subject)

    def bound(square: float) -> float:
        return square * math.log(2 * omega) / (4 * alpha**2) + math.log(m / sigma) + 10

    def magnitude_bound(square: float) -> float:
        above = 1e-6 + (alpha_mag**2 + 4 * math.log(2 * omega / 0.05)) * square / omega
        total = sum(math.log(above / (1e-6 + alpha_mag**2 * (x * 2 / 3) ** 2)) for x in w)
        return total / 4 + math.log(m / 0.05) + 10

    assert sharpness_orig(subject) == pytest.approx(bound(norm), rel=1e-9)
    assert sharpness_init(subject) == pytest.approx(bound(moved), rel=1e-9)
    assert sharpness_mag_orig(subject) == pytest.approx(magnitude_bound(norm), rel=1e-9)
    assert sharpness_mag_init(subject) == pytest.approx(magnitude_bound(moved), rel=1e-9)
