"""The searched noise scale against closed forms, and what the search costs."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.functional import cross_entropy

from measures.api import Subject, UnsupportedModelError
from measures.passes.perturbations import noise_scale as perturbation
from measures.passes.perturbations.noise_scale import (
    evaluate_networks,
    largest_scale,
    magnitude_noise_scale,
    noise_draws,
    noise_scale,
)
from measures.passes.weights.folded_network import folded_network
from measures.scoring import numerics

Z90 = NormalDist().inv_cdf(0.9)


def two_weights(first: float, second: float) -> Subject:
    """Logits (first x, second x) on examples x = 1 of class 0: right as long as the first weight is the larger."""
    layer = nn.Linear(1, 2, bias=False).double()
    layer.weight.data = torch.tensor([[first], [second]], dtype=torch.float64)
    ones = torch.ones(6, 1, 1, 1, dtype=torch.float64)
    return Subject(nn.Sequential(nn.Flatten(), layer), ones, torch.zeros(6, dtype=torch.int64))


def many_draws(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Means over this many networks, of one example each."""
    for name in ("MIN_DRAWS", "MAX_DRAWS", "NUM_PAIRS", "SEARCH_PAIRS"):
        monkeypatch.setattr(perturbation, name, count)


def crossing(scale: float, width: float = 0.3) -> Callable[[float], float]:
    """A drop that rises smoothly from 0 to 0.9 and is 0.1 at `scale`."""
    at_crossing = NormalDist().inv_cdf(0.1 / 0.9)
    return lambda sigma: 0.9 * NormalDist().cdf(at_crossing + math.log(sigma / scale) / width)


def power_of(scale: float) -> Callable[[float], float]:
    """A drop that grows with the square and is 0.1 at `scale`."""
    return lambda sigma: min(0.1 * (sigma / scale) ** 2, 1.0)


def test_noise_scale_of_two_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference of two noises has standard deviation sqrt(2) sigma: a tenth fails at sigma = gap / (sqrt(2) z)."""
    many_draws(monkeypatch, 40_000)

    assert noise_scale(two_weights(0.5, -0.2)) == pytest.approx(0.7 / (math.sqrt(2) * Z90), rel=0.02)


def test_magnitude_noise_scale_of_two_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variance of the difference is sigma^2 (w_0^2 + w_1^2) + 2 epsilon^2; here epsilon is of consequence."""
    many_draws(monkeypatch, 40_000)
    first, second = 0.010, 0.008
    variance = (0.002 / Z90) ** 2 - 2 * 0.001**2
    expected = math.sqrt(variance / (first**2 + second**2))

    assert magnitude_noise_scale(two_weights(first, second)) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("scale", [1e-4, 0.003, 0.049, 0.0501, 0.2, 1.0, 40.0])
def test_the_search_finds_the_crossing(scale: float) -> None:
    """Above and below the start, to one percent."""
    assert largest_scale(crossing(scale)) == pytest.approx(scale, rel=0.01)


@pytest.mark.parametrize("scale", [0.03, 0.06, 0.3])
def test_the_search_brackets_before_it_refines(scale: float) -> None:
    """As many evaluations as octaves from the start, the start itself, and the refinements."""
    tried: list[float] = []

    def drop(sigma: float) -> float:
        tried.append(sigma)
        return crossing(scale)(sigma)

    largest_scale(drop)

    octaves = math.ceil(abs(math.log2(scale / perturbation.START)))
    assert len(tried) == 1 + octaves + perturbation.REFINEMENTS
    assert max(tried) <= 2 * max(scale, perturbation.START)


def test_the_search_comes_near_a_crossing_of_another_shape() -> None:
    """A drop that is a power of the scale: within 2 % after one refinement."""
    found = [largest_scale(power_of(scale)) for scale in (0.01, 0.06, 0.3)]

    assert found == pytest.approx([0.01, 0.06, 0.3], rel=0.02)


def test_what_cannot_be_bracketed_is_refused() -> None:
    """A network that never gets worse has no scale, nor one that is worse at once."""
    with pytest.raises(UnsupportedModelError, match="Even noise on its weights"):
        largest_scale(lambda _: 0.05)
    with pytest.raises(UnsupportedModelError, match="Already noise on its weights"):
        largest_scale(lambda _: 0.4)


def test_a_network_at_chance_is_refused(mlp: Subject) -> None:
    """Where accuracy is below a tenth there is no tenth to lose."""
    wrong = (mlp.logits_of(mlp.inputs).argmin(1)).clone()
    with pytest.raises(UnsupportedModelError, match="no better than chance"):
        noise_scale(Subject(mlp.model, mlp.inputs, wrong))


def test_weights_below_epsilon_are_refused() -> None:
    """The floor of magnitude-aware noise alone costs more than a tenth."""
    with pytest.raises(UnsupportedModelError, match="Already noise on its weights"):
        magnitude_noise_scale(two_weights(1e-4, -1e-4))


def test_answers_are_those_of_a_loop(norm_free: Subject) -> None:
    """The vmapped forward pass against one network after the other; normalised logits by their definition."""
    network = folded_network(norm_free)
    generator = torch.Generator().manual_seed(0)
    networks = {
        name: p + 0.2 * torch.randn((5, *p.shape), generator=generator, dtype=p.dtype)
        for name, p in network.params.items()
    }
    shown = torch.randint(0, 36, (5, 20), generator=generator)
    found = evaluate_networks(norm_free, networks, shown)

    accuracies = []
    for i, indices in enumerate(shown):
        f = network.forward({n: p[i] for n, p in networks.items()}, norm_free.inputs[indices])
        unit = torch.stack([(row - row.mean()) / (row - row.mean()).norm() for row in f])
        y = norm_free.labels[indices]
        assert float(found.losses[i]) == pytest.approx(float(cross_entropy(f, y)), rel=1e-12)
        assert float(found.normalised_losses[i]) == pytest.approx(float(cross_entropy(unit, y)), rel=1e-12)
        accuracies.append((f.argmax(1) == y).double())
    expected = float(torch.stack(accuracies).mean())
    assert 0.15 < expected < 0.95
    assert found.accuracy == pytest.approx(expected, rel=1e-12)


def test_logits_that_are_all_alike_have_no_direction(mlp: Subject) -> None:
    """Normalised they are zero, and the loss log k."""
    networks = {name: torch.zeros_like(p).unsqueeze(0) for name, p in mlp.params.items()}

    assert float(evaluate_networks(mlp, networks, torch.arange(36)[None]).normalised_losses) == pytest.approx(
        math.log(10), rel=1e-12
    )


def test_examples_that_a_search_asks(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand in each of a few steps and four thousand in the last, a few by each network."""
    shown: list[Tensor] = []
    plain = perturbation.evaluate_networks

    def counted(subject: Subject, networks: dict[str, Tensor], indices: Tensor) -> perturbation.Evaluation:
        shown.append(indices)
        return plain(subject, networks, indices)

    monkeypatch.setattr(perturbation, "evaluate_networks", counted)
    noise_scale(mlp)

    sizes = [indices.numel() for indices in shown]
    assert sizes[:-1] == [1024] * len(sizes[:-1])
    assert sizes[-1] == 4096
    assert 3 <= len(sizes) <= 5
    for indices in shown:
        counts = torch.bincount(indices.flatten(), minlength=36)
        assert int(counts.max() - counts.min()) <= 1


def test_large_networks_have_few_draws(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """As memory allows, and at least eight, each of which then answers more examples."""
    size = sum(p.numel() for p in mlp.params.values())
    monkeypatch.setattr(perturbation, "NUMBERS_DRAWN", 33 * size)
    assert {len(noise) for noise in noise_draws(mlp).values()} == {32}
    monkeypatch.setattr(perturbation, "NUMBERS_DRAWN", size)
    fresh = Subject(mlp.model, mlp.inputs, mlp.labels)
    assert {len(noise) for noise in noise_draws(fresh).values()} == {8}


def test_draws_do_not_depend_on_the_scale_asked_for_first(mlp: Subject) -> None:
    """Common random numbers: a second, equal subject gives the same scale, another seed another one."""
    again = Subject(mlp.model, mlp.inputs, mlp.labels)
    other = Subject(mlp.model, mlp.inputs, mlp.labels, seed=1)

    assert magnitude_noise_scale(again) > 0
    assert noise_scale(again) == noise_scale(mlp) != noise_scale(other)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_search_in_vain_looks_at_its_end(direction: int) -> None:
    """Three octaves and then the last one are enough; where the last differs, the way there is searched."""
    tried: list[float] = []

    def in_vain(scale: float) -> float:
        tried.append(scale)
        return 0.0 if direction > 0 else 1.0

    with pytest.raises(UnsupportedModelError, match=f"scale {perturbation.START * 2.0 ** (16 * direction):g} "):
        largest_scale(in_vain)
    assert tried == [perturbation.START * 2.0 ** (direction * octave) for octave in (0, 1, 2, 3, 16)]
    crossing = perturbation.START * 2.0 ** (9.5 * direction)
    assert largest_scale(lambda s: float(s > crossing)) / crossing == pytest.approx(1, abs=0.5)


def test_networks_one_by_one_answer_as_side_by_side(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is quicker decides the cost and nothing else."""
    networks = {name: torch.stack([w, 1.1 * w]) for name, w in subject.params.items()}
    monkeypatch.setattr(perturbation, "FLOATS_TO_LOOP", 0)
    with numerics(), torch.no_grad():
        apart = perturbation.logits_of_all(subject, networks, subject.inputs)
        monkeypatch.setattr(perturbation, "FLOATS_TO_LOOP", 2**30)

        torch.testing.assert_close(apart, perturbation.logits_of_all(subject, networks, subject.inputs))
        torch.testing.assert_close(apart[0], subject.logits_of(subject.inputs))


def test_networks_are_stacked_for_few_inputs_alone(mlp: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many inputs of one network fill a processor: then the networks pass one by one, and few inputs in one call."""
    passes: list[int] = []
    plain = vmap

    def counted(function: Callable[..., Tensor], **options: Any) -> Callable[..., Tensor]:
        passes.append(1)
        return plain(function, **options)

    monkeypatch.setattr(perturbation, "vmap", counted)
    networks = {name: torch.stack([w, 1.1 * w]) for name, w in mlp.params.items()}
    perturbation.logits_of_all(mlp, networks, mlp.inputs)
    evaluate_networks(mlp, networks, torch.arange(36).expand(2, -1))
    assert len(passes) == 2
    monkeypatch.setattr(perturbation, "FLOATS_TO_LOOP", 36 * 64)
    perturbation.logits_of_all(mlp, networks, mlp.inputs)
    evaluate_networks(mlp, networks, torch.arange(36).expand(2, -1))
    assert len(passes) == 2


def test_pieces_answer_as_the_whole(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks one after the other, some at a time and all at once, of folded weights."""
    network = folded_network(subject)
    networks = {name: torch.stack([w, 1.1 * w, 0.9 * w]) for name, w in network.params.items()}
    shown = torch.arange(12).view(3, 4)
    losses = []
    for floats in (0, 2 * 4 * 64, 2**30):
        monkeypatch.setattr(perturbation, "FLOATS_TO_STACK", floats)
        with numerics():
            losses.append(evaluate_networks(subject, networks, shown).losses)

    torch.testing.assert_close(losses[0], losses[2])
    torch.testing.assert_close(losses[1], losses[2])
