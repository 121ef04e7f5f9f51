"""What the sandbox adds to the time of scoring: the catalogue as if it were submitted, against the catalogue."""

import time
from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from harness.sandbox import Parts, Submission
from harness.submitted import commissioned, scored_apart, shared_sandbox
from measures import Subject
from measures.catalog import catalog
from measures.scoring import score_subject
from zoo.recipe import Recipe
from zoo.training import data_of, network_of

AS_SUBMITTED = """
from dataclasses import replace
from measures.catalog import catalog

def again(found):
    def compute(subject):
        return found.compute(subject)
    compute.__doc__ = found.compute.__doc__
    return replace(found, compute=compute)

globals().update({name: again(found) for name, found in catalog().items() if not found.needs - {"init"}})
"""
MODELS = ("mlp", "nin", "resnet")
ROUNDS = 2  # networks of each; the two ways take turns


@pytest.mark.benchmark(group="sandbox")
def test_what_the_sandbox_adds(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The same scores both ways; the ratio of the better round of each is printed, and its aim is at most 1.2."""
    ratio = benchmark.pedantic(ratio_of_times, args=(tmp_path,), rounds=1)

    benchmark.extra_info["ratio"] = ratio


def ratio_of_times(tmp_path: Path) -> float:
    """Seconds in the sandbox over seconds outside."""
    torch.set_num_threads(1)
    path = tmp_path / "everything.py"
    path.write_text(AS_SUBMITTED)
    submission = Submission.of_file(path)
    shared_sandbox().describe(submission)  # starts it, once a run
    chosen = {name: found for name, found in catalog().items() if not found.needs - {"init"}}
    commissions = commissioned(list(chosen), chosen, dict.fromkeys(chosen, submission))
    seconds: dict[str, list[float]] = {"inside": [], "outside": []}
    for _ in range(ROUNDS):
        taken = {"inside": 0.0, "outside": 0.0}
        for model in MODELS:
            recipe = Recipe(model=model)
            data = data_of(recipe)
            network = network_of(recipe, data)
            state = {name: value.clone() for name, value in network.state_dict().items()}
            parts = Parts(
                model=network, inputs=torch.randn(256, 1, 8, 8), labels=torch.arange(256) % 10, init_state=state
            )
            start = time.perf_counter()
            outside = score_subject(Subject(network, parts.inputs, parts.labels, init_state=state), chosen.values())
            middle = time.perf_counter()
            inside = {n: s for commission in commissions for n, s in scored_apart(commission, parts, 300).items()}
            taken["inside"] += time.perf_counter() - middle
            taken["outside"] += middle - start
            assert {n: s.value for n, s in inside.items()} == {n: s.value for n, s in outside.items()}
        for way, spent in taken.items():
            seconds[way].append(spent)
    ratio = min(seconds["inside"]) / min(seconds["outside"])
    print(f"{len(chosen)} measures, {len(MODELS)} networks: {seconds}, ratio {ratio:.3f}")
    return ratio
