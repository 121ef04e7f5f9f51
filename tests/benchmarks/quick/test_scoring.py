"""The shared passes and the catalogue on a small network, counted, and the sweep of gradients beside a plain loop."""

from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.nn.functional import cross_entropy

from measures.api import Subject
from measures.passes.activations.outputs import logits
from measures.passes.curvature.gauss_newton import gauss_newton
from measures.passes.curvature.hessian import moments, top_of_spectrum
from measures.passes.gradients.per_sample import gradient_norms, gradient_statistics
from measures.registry import CORE, catalog
from measures.scoring import score_subject
from tests.benchmarks.counting import counted, passes_of, peak_of_process
from tests.measures.networks import network

PASSES: dict[str, Callable[[Subject], object]] = {
    "logits": logits, "gradient_norms": gradient_norms, "gradient_statistics": gradient_statistics,
    "gauss_newton": gauss_newton, "hessian_top": top_of_spectrum, "hessian_moments": moments,
}  # fmt: skip
SETS = {"core": CORE, "catalogue": tuple(name for name, measure in catalog().items() if not measure.on_request)}


def subject() -> Subject:
    """Convolutions under batch norm in float32, with nothing computed yet."""
    return network("conv_bn").subject(dtype=torch.float32)


@pytest.mark.parametrize("name", PASSES)
def test_a_pass(name: str, benchmark: BenchmarkFixture) -> None:
    """One shared pass and those that it uses."""
    torch.set_num_threads(1)
    found: list[Subject] = []

    def work() -> None:
        found.append(subject())
        PASSES[name](found[-1])

    benchmark.pedantic(work, rounds=3, warmup_rounds=1)
    benchmark.extra_info.update(
        counts={"passes": passes_of(found[-1])} | counted(work).named(), peak_of_process=peak_of_process()
    )
    assert found


@pytest.mark.parametrize("chosen", SETS)
def test_a_set_of_measures(chosen: str, benchmark: BenchmarkFixture) -> None:
    """The shared passes are computed once for all of its measures."""
    torch.set_num_threads(1)
    found: list[Subject] = []
    measures = [catalog()[name] for name in SETS[chosen]]

    def work() -> None:
        found.append(subject())
        score_subject(found[-1], measures)

    benchmark.pedantic(work, rounds=1, warmup_rounds=1)
    benchmark.extra_info.update(
        counts={"passes": passes_of(found[-1])} | counted(work).named(), peak_of_process=peak_of_process()
    )
    assert passes_of(found[-1]) == passes_of(found[0])


def test_gradients_of_examples_beside_a_loop(benchmark: BenchmarkFixture) -> None:
    """A backward pass for each example, as one would write it down."""
    torch.set_num_threads(1)
    known = subject()

    def loop() -> None:
        params = {name: value.clone().requires_grad_() for name, value in known.params.items()}
        for x, y in zip(known.inputs, known.labels, strict=True):
            loss = cross_entropy(torch.func.functional_call(known.model, params, (x[None],)), y[None])
            torch.autograd.grad(loss, list(params.values()))

    def sweep() -> None:
        gradient_norms(subject())

    benchmark.pedantic(sweep, rounds=3, warmup_rounds=1)
    gain = counted(loop).operations / counted(sweep).operations
    benchmark.extra_info.update(gains={"loop over sweep, operations": gain})
    assert gain > 1
