"""Planted slowdowns fail the comparison of benchmarks; seconds never do."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.reports.bench_compare import as_markdown, as_text, compare, main
from measures.api import Subject
from measures.passes.gradients.per_sample import gradient_norms
from tests.benchmarks.counting import calls_of, counted, peak_of
from tests.measures.networks import network
from zoo.recipe import Recipe
from zoo.training.train import train

MACHINE = {"torch": torch.__version__, "python_version": "3.11.7"}


def benchmarks(
    counts: dict[str, int], *, gain: float = 8.0, growth: float = 3.0, seconds: float = 1.0
) -> dict[str, Any]:
    """The file of one benchmark."""
    extra = {"counts": counts, "gains": {"loop over fleet": gain}, "growths": {"at four times": growth}}
    one = {"fullname": "tests/benchmarks/quick/test_a.py::test_b", "extra_info": extra, "stats": {"min": seconds}}
    return {"machine_info": dict(MACHINE), "benchmarks": [one]}


def failures(before: Callable[[], object], now: Callable[[], object]) -> list[str]:
    """Names of the counts that got worse from one piece of work to another."""
    before()
    now()
    files = [benchmarks(counted(work).named()) for work in (before, now)]
    return [line.name for line in compare(*files).failures()]


def test_a_pass_that_is_run_twice_fails() -> None:
    """Its result is right, its operations are too many."""
    known = network("mlp")

    def subject() -> Subject:
        return known.subject(dtype=torch.float32)

    def once() -> None:
        gradient_norms(subject())

    def twice() -> None:
        once()
        once()

    assert {"operations", "products", "flops", "bytes", "calls"} <= set(failures(once, twice))
    assert failures(once, once) == []


def test_a_loop_in_place_of_a_fleet_fails() -> None:
    """The same networks, with the operations of each."""
    base = Recipe(dataset="digits", model="mlp", train_size=32, batch_size=16, max_epochs=1, target_loss=0.0)
    recipes = [base.replace(seed=seed) for seed in range(4)]

    def fleet() -> None:
        list(train(recipes, fleet=4, mode="fleet"))

    def loop() -> None:
        list(train(recipes, fleet=1, mode="loop"))

    assert "operations" in failures(fleet, loop)


def test_a_quadratic_count_of_pairs_fails() -> None:
    """By a matrix of all pairs it needs memory, by a loop over them calls."""
    x = np.random.default_rng(0).random(300)

    def sign(a: float, b: float) -> int:
        return int(a > b) - int(a < b)

    def sorting() -> None:
        np.argsort(x)

    def matrix() -> None:
        np.sign(x[:, None] - x).sum()

    def loop() -> None:
        sum(sign(a, b) for a in x for b in x)

    before, pairs, looped = (
        benchmarks({"calls": calls_of(work), "peak": peak_of(work)}) for work in (sorting, matrix, loop)
    )
    assert "peak" in [line.name for line in compare(before, pairs).failures()]
    assert "calls" in [line.name for line in compare(before, looped).failures()]


@pytest.mark.parametrize(
    ("changed", "fails"),
    [
        ({"gain": 2.0}, ["loop over fleet"]),
        ({"gain": 30.0}, []),
        ({"growth": 9.0}, ["at four times"]),
        ({"growth": 1.0}, []),
        ({"seconds": 100.0}, []),
    ],
)
def test_ratios_are_judged_and_seconds_are_not(changed: dict[str, float], fails: list[str]) -> None:
    """A gain that is lost, a growth that became steeper."""
    found = compare(benchmarks({"passes": 3}), benchmarks({"passes": 3}, **changed))

    assert [line.name for line in found.failures()] == fails


def test_a_count_that_is_gone_fails_and_a_new_one_does_not() -> None:
    """Otherwise a renamed count would guard nothing."""
    before, now = benchmarks({"passes": 3}), benchmarks({"products": 3})
    found = compare(before, now)

    assert [line.name for line in found.failures()] == ["passes"]
    assert "1 numbers have no baseline" in as_text(found)


def test_counts_of_another_torch_are_not_judged() -> None:
    """It may split an operation into others; ratios are judged on."""
    before, now = benchmarks({"operations": 3}), benchmarks({"operations": 9}, gain=1.0)
    now["machine_info"]["python_version"] = "3.11.99"  # a patch of Python changes no count
    assert len(compare(before, now).failures()) == 2
    now["machine_info"]["torch"] = "0.0.1"
    found = compare(before, now)

    assert [line.kind for line in found.failures()] == ["gains"]
    assert "another torch" in as_text(found)
    assert "another torch" in as_markdown(found)


def test_the_command_writes_both_and_its_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """1 where something is worse; nothing is wider than a terminal."""
    before, now = benchmarks({"passes": 1000}), benchmarks({"passes": 2000})
    files = [tmp_path / "before.json", tmp_path / "now.json"]
    for file, content in zip(files, (before, now), strict=True):
        file.write_text(json.dumps(content), encoding="utf-8")

    assert main([str(files[0]), str(files[1]), "--markdown", str(tmp_path / "out" / "table.md")]) == 1
    printed = capsys.readouterr().out
    assert "1,000" in printed
    assert max(map(len, printed.splitlines())) <= 80
    assert "| quick/test_a: b" in (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert main([str(files[0]), str(files[0])]) == 0


def test_a_missing_baseline_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback."""
    with pytest.raises(SystemExit):
        main([str(tmp_path / "none.json"), str(tmp_path / "none.json")])

    assert "make bench-baseline" in capsys.readouterr().err


def test_comparing_changes_nothing() -> None:
    """The files stay as they are."""
    file = benchmarks({"passes": 3})
    kept = copy.deepcopy(file)
    compare(file, file)

    assert file == kept
