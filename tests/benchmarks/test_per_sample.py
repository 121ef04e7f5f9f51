"""Per-sample gradients on one core against a forward and backward pass of the same batch.

The squared norms alone cost at most 2 times as much, all statistics (norms, products with the weights, means, squares)
at most 2.5 times, for every family of networks: nin on colour images of 32 x 32 as in its studies, others on digits.
Convolutions on maps of one to sixteen positions cost more, most of it calls and small products: nin on digits 2.1 and
2.6 times, nf_resnet with a stem that halves a digit 3.1 and 3.4.

Run with `pytest tests/benchmarks --benchmark-only`. The three are timed in turn, in seconds of this thread's own
processor time, and the minima of many rounds are compared, so that other work on the machine does not decide.
"""

import time
from collections.abc import Iterator

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.nn.functional import cross_entropy

from measures.api import Subject
from measures.passes.gradients.per_sample import gradient_norms, gradient_statistics
from zoo.models.build import build
from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES

SHAPES = dict.fromkeys(FAMILIES, (1, 8, 8)) | {"nin": (3, 32, 32)}
NUM_EXAMPLES = 512
ROUNDS = 20
NORMS, STATISTICS = 2.0, 2.5


@pytest.fixture
def one_thread() -> Iterator[None]:
    """A single core, as when several networks are scored side by side."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.usefixtures("one_thread")
def test_gradients_of_examples_cost_little_more_than_a_step(family: str, benchmark: BenchmarkFixture) -> None:
    """Norms alone, and all statistics."""
    shape = SHAPES[family]
    network = build(Recipe(model=family), shape, 10, seed=0).eval()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(NUM_EXAMPLES, *shape, generator=generator)
    labels = torch.randint(0, 10, (NUM_EXAMPLES,), generator=generator)
    best: dict[str, float] = {}

    def step(_: Subject) -> None:
        network.zero_grad()
        cross_entropy(network(inputs), labels).backward()

    def interleaved() -> None:
        for name, work in (("step", step), ("norms", gradient_norms), ("statistics", gradient_statistics)):
            subject = Subject(network, inputs, labels)  # a new one, since a subject keeps its sweep
            start = time.thread_time()
            work(subject)
            best[name] = min(best.get(name, float("inf")), time.thread_time() - start)

    benchmark.pedantic(interleaved, rounds=ROUNDS, warmup_rounds=2)
    ratios = {name: round(best[name] / best["step"], 2) for name in ("norms", "statistics")}
    benchmark.extra_info.update(ratios)
    print(f"{family}: {ratios} times a forward and backward pass")
    assert ratios["norms"] <= NORMS
    assert ratios["statistics"] <= STATISTICS
