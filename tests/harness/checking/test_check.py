"""`gapbench check` on measures that keep the contract and on measures that break it, each in its own way."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from harness.checking.check import without_own
from harness.checking.place import place
from harness.checking.process import Answer, Runner
from harness.checking.result import Fault, Relative, Standing
from harness.checking.trials import contract_trials
from harness.checking.verdict import contract_faults, metadata_faults
from harness.checking.zoo import check_zoo
from measures import Score
from measures.catalogue.representation.decov import decov
from measures.registry import catalog
from tests.harness.conftest import Gapbench

LONG = 400.0  # seconds: what is tested is the verdict, not this machine
HEADER = '''"""A submission."""
import os
import torch
import numpy as np
from measures import Subject, UnsupportedModelError, measure
'''
DECLARED = '@measure(source="this test, 2024", family="norm", cost="weights only"{more})\n'


def measure_called(name: str, *lines: str, more: str = "") -> str:
    """The source of one measure."""
    body = "".join(f"    {line}\n" for line in lines)
    return DECLARED.format(more=more) + f'def {name}(subject: Subject) -> float:\n    """Sum of x."""\n{body}\n'


@pytest.fixture(scope="module")
def faults(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Fault]]:
    """Of a file with one measure of each kind, tried on the plain network alone."""
    path = tmp_path_factory.mktemp("submission") / "many.py"
    first = "(float(subject.inputs[0].double().sum()) + 10)"
    weights = "sum(float(p.double().abs().sum()) for p in subject.params.values())"
    path.write_text(
        HEADER
        + measure_called("farthest", *FARTHEST, more=', needs={"init"}')
        + measure_called("undeclared", "return float(next(iter(subject.init_params.values())).double().sum())")
        + measure_called("not_a_number", "return float('nan')")
        + measure_called("crashing", "return 1 / 0")
        + measure_called("pair", "return 1.0, 2.0")
        + measure_called("endless", "torch.zeros(3)")
        + measure_called("vector", "return torch.zeros(3)")
        + measure_called("text", "return 'large'")
        + measure_called("noting", "open('/tmp/notes.txt', 'w').write('here')", "return 1.0")
        + measure_called("refusing", "raise UnsupportedModelError('It has a reason that is long enough to read.')")
        + measure_called("silent", "raise UnsupportedModelError('no')")
        + measure_called("first_image", f"return {first} + {weights}")
        + measure_called("batches", "return float(sum(1 for _ in subject.batches()))")
        + measure_called("single", "return 1.0 + 1e7 * float((subject.inputs.sum() / 3) % 1e-3)")
        + measure_called("drawing", f"return {weights} + float(torch.rand(()))")
        + measure_called("numpys", f"return {weights} + 0 * float(np.random.rand())")
        + measure_called("leaving", "os._exit(3)")
        + measure_called("writing", "next(iter(subject.params.values())).mul_(2)", f"return {weights}")
        + measure_called("labels_sorted", "subject.labels[:] = subject.labels.sort().values", f"return {weights}")
        + measure_called("training", "subject.model.train()", f"return {weights}")
        + DECLARED.format(more="").replace('"weights only"', '""').replace(", 2024", "")
        + 'def param_norm(subject: Subject) -> float:\n    """It."""\n    return 1.0 * len(subject.params)\n'
    )
    with Runner(path, time.monotonic() + LONG) as runner:
        trials = [trial for trial in contract_trials() if trial.key[1] == "mlp"]
        answers = {answer.key: answer for answer in runner.run(trials)}
    return {
        name: metadata_faults(name, measure, name in catalog()) + contract_faults(name, measure, answers)
        for name, measure in runner.measures.items()
    }


FARTHEST = (
    "start = subject.init_params",
    "return max(float((w - start[name]).double().abs().max()) for name, w in subject.params.items())",
)


def test_a_measure_that_keeps_the_contract_is_accepted(tmp_path: Path, gapbench: Gapbench) -> None:
    """Exit status 0, with a score for every architecture, its invariances, its place, its relatives and its cost.

    One that throws dice ranks its throws, and is told so.
    """
    path = tmp_path / "farthest.py"
    dice = 'throw = 1 + 0.5 * float(torch.randn((), generator=subject.generator("dice")))'
    times = "return throw * sum(float(p.double().abs().sum()) for p in subject.params.values())"
    measures = (
        measure_called("farthest", *FARTHEST, more=', needs={"init"}'),
        measure_called("thrown", dice, 'print("a", "word")', times),
    )
    path.write_text(HEADER + "".join(measures))
    result = gapbench("check", path, "--json", "--time-limit", LONG, "--markdown", tmp_path / "verdict.md")
    report = json.loads(result.stdout)
    entry: dict[str, Any] = report["measures"]["farthest"]

    assert (result.exit_code, report["accepted"], entry["accepted"]) == (0, True, True), entry["faults"]
    assert "sandbox" in report["isolation"]
    assert all(row["outcome"] == "scored" for row in entry["architectures"].values())
    assert len(entry["architectures"]) == 7
    seen = {change for change, row in entry["invariances"].items() if not row["unseen"]}
    assert seen == {"rescaling", "logit_scale", "logit_shift", "folding"}
    assert set(entry["invariances"]) - seen == {"units", "duplicates", "classes"}
    zoo = entry["zoo"]
    assert zoo["scored"] == zoo["networks"] == 48
    assert zoo["interval"]["Psi"][0] < zoo["Psi"] < zoo["interval"]["Psi"][1]
    assert (zoo["gate"]["random"], zoo["gate"]["true"]) == (8, 20)
    assert len(zoo["relatives"]) == 5
    assert 0.1 < zoo["settles"] < 1
    assert "what these networks settle | differences of Psi above 0." in (tmp_path / "verdict.md").read_text()
    assert zoo["noise"] == 0
    dicing = report["measures"]["thrown"]
    assert dicing["zoo"]["noise"] > 1
    assert any(remark.startswith("It ranks draws of its estimator") for remark in dicing["remarks"])
    assert "It prints, which nobody sees elsewhere: a word" in dicing["remarks"]
    assert not any("draws" in remark or "prints" in remark for remark in entry["remarks"])
    assert 0 < entry["costs"]["seconds"] <= entry["costs"]["most_seconds"]
    text = (tmp_path / "verdict.md").read_text()
    assert text.startswith("## `farthest`: accepted\n\n")
    assert "\n\n\n" not in text
    assert "| hidden units in another order | invariant |" in text


def on_the_zoo(value: Callable[[dict[str, Any]], float | None]) -> dict[tuple[str, ...], Answer]:
    """Answers to the trials on the check zoo, each a function of the network's row."""
    answers: dict[tuple[str, ...], Answer] = {}
    for row in check_zoo().ledger.to_dict("records"):
        number = value({str(name): cell for name, cell in row.items()})
        score = Score(number, "unsupported" if number is None else "scored", 0.1, 1, "It is left out.")
        answers["zoo", str(row["run_id"])] = Answer(("zoo", str(row["run_id"])), {"mine": score})
    return answers


def placing(
    value: Callable[[dict[str, Any]], float | None], sign: Literal[1, -1] = 1
) -> tuple[Standing, list[Fault], list[str]]:
    """What is said of a measure that has these values."""
    mine = replace(catalog()["l2"], name="mine", expected_sign=sign)
    return place(mine, on_the_zoo(value), check_zoo(), {n: m.version for n, m in catalog().items()})


def psis() -> list[float]:
    """Psi of every measure of the catalogue that has one."""
    return [figures.Psi for figures in check_zoo().measures.values() if figures.Psi is not None]


def test_the_gap_itself_leads() -> None:
    """Every figure is at its best; with the opposite sign there is a remark."""
    figures, faults, remarks = placing(lambda row: row["gap"])

    assert not faults
    assert figures.tau_b == pytest.approx(1)
    assert figures.gate is not None
    assert figures.gate.auc == 1
    assert figures.Psi is not None
    assert figures.Psi > 0.9  # two pairs of configurations have the same mean gap
    assert figures.place == 1 + sum(abs(psi) > figures.Psi for psi in psis())
    assert not any("expected_sign" in remark for remark in remarks)
    assert "grows with the gap here, against its expected_sign of -1" in " ".join(placing(lambda r: r["gap"], -1)[2])
    assert "falls with the gap here" in " ".join(placing(lambda row: -row["gap"])[2])
    assert "does not detect random labels" in " ".join(placing(lambda row: -row["gap"])[2])


def test_a_measure_that_orders_as_another_is_refused() -> None:
    """Any increasing function of a measure of the catalogue is that measure, a decreasing one turned round."""
    figures, faults, _ = placing(lambda row: row["measure.fro_dist"] ** 3)
    assert "exactly as `fro_dist` does" in " ".join(fault.what for fault in faults)
    assert figures.relatives[0] == Relative("fro_dist", pytest.approx(1), 48)  # type: ignore[arg-type]  # it compares

    _, faults, _ = placing(lambda row: -row["measure.fro_dist"])
    assert "in reverse" in faults[0].what

    _, faults, remarks = placing(lambda row: row["measure.fro_dist"] + (2 if row["seed"] == 0 else 0))
    assert not faults
    assert "nearly repeats" in " ".join(remarks)


def test_a_merged_file_is_compared_with_all_others_but_not_with_itself() -> None:
    """Its own stored scores are no relative, no rival for its place, and not stale; a file from outside sees them."""
    zoo, known = check_zoo(), catalog()

    def of_decov(path: Path) -> tuple[Standing, list[Fault]]:
        answers = on_the_zoo(lambda row: row["measure.decov"])
        return place(replace(known["decov"], name="mine"), answers, *without_own(path, zoo))[:2]

    here = Path(os.path.relpath(decov.compute.__code__.co_filename))  # as somebody types it
    theirs, versions = without_own(here, zoo)
    merged, no_faults = of_decov(here)
    outside, faults = of_decov(Path("decov.py"))

    assert (no_faults, [fault.what.startswith("It orders 48 networks exactly") for fault in faults]) == ([], [True])
    assert merged.stale == len(set(zoo.measures) - {"decov"} - set(zoo.fresh(versions)))
    assert set(zoo.ledger.columns) - set(theirs.ledger.columns) == {"measure.decov"}
    assert set(known) - set(versions) == {"decov"}
    assert outside.relatives[0].name == "decov"
    assert merged.relatives[:4] == outside.relatives[1:]
    assert outside.of == len(psis()) + 1
    assert merged.of == len(psis())
    assert merged.Psi is not None
    assert merged.place == 1 + sum(abs(psi) > abs(merged.Psi) for psi in psis())


def test_one_number_orders_nothing_and_few_numbers_little() -> None:
    """The first is a fault; the second is not placed, with the reason of the networks that it refuses."""
    assert "one number for every network" in placing(lambda _: 2.0)[1][0].what

    figures, faults, remarks = placing(lambda row: row["gap"] if row["hp.corruption"] == "none" else None)
    assert not faults
    assert figures.scored == 0
    assert "It is left out." in remarks[0]

    figures, _, remarks = placing(lambda row: row["gap"] if row["seed"] == 0 else None)
    first = int((check_zoo().ledger["seed"] == 0).sum())
    assert figures.scored == first < 48
    assert f"{first} of 48 networks: those that it scored in time" in " ".join(remarks)


@pytest.mark.parametrize(
    ("name", "what", "mend"),
    [
        ("undeclared", "undeclared input", "needs={'init'}"),
        ("not_a_number", "must return a finite number; got nan", "UnsupportedModelError"),
        ("crashing", "It fails in line 25: ZeroDivisionError", "Mend the error"),
        ("pair", "must return one number; it returned a tuple", "Return a float"),
        ("endless", "it returned None, as a function without return does", "Return a float"),
        ("vector", "it returned a tensor of shape [3]", "Return a float"),
        ("text", "it returned a str", "Return a float"),
        ("noting", "[Errno", "write no file"),
        ("refusing", "It refuses a plain ReLU network: It has a reason", "multilayer perceptron"),
        ("silent", "refuses without a reason", "what is undefined"),
        ("first_image", "depends on the order of the examples", "subject.sample"),
        ("single", "differs between float32 and float64", "float64"),
        ("batches", "depends on the size of the batches", "subject.batches()"),
        ("leaving", "exit code 3", "Mend the error"),
        ("drawing", "random state", "subject.generator"),
        ("numpys", "random state", "subject.generator"),
        ("writing", "It changes parameter", "subject.forward"),
        ("labels_sorted", "It changes labels", "subject.labels.clone()"),
        ("training", "It changes training mode", "eval mode"),
        ("param_norm", "called 'param_norm'", "Rename"),
        ("param_norm", "does not say its cost", "weights only"),
        ("param_norm", "names no year", "arXiv"),
        ("param_norm", "has no formula", "math::"),
    ],
)
def test_what_breaks_the_contract_is_told_how_to_mend_it(
    faults: dict[str, list[Fault]], name: str, what: str, mend: str
) -> None:
    """Each fault for its own reason."""
    found = [fault for fault in faults[name] if what in fault.what]

    assert found, faults[name]
    assert any(mend in fault.mend for fault in found), found


def test_one_measure_does_not_answer_for_another(faults: dict[str, list[Fault]]) -> None:
    """Of all these only the one that keeps the contract is without a fault."""
    assert [name for name, found in faults.items() if not found] == ["farthest"]


def test_what_fails_always_is_not_tried_on_every_network(tmp_path: Path, gapbench: Gapbench) -> None:
    """Three networks show it; the verdict names them and does not speak of time."""
    path = tmp_path / "mine.py"
    path.write_text(HEADER + measure_called("mine", "return subject.no_such_thing"))
    result = json.loads(gapbench("check", path, "--json", "--time-limit", str(LONG)).stdout)["measures"]["mine"]
    (failing,) = (fault["what"] for fault in result["faults"] if "It fails" in fault["what"])

    assert failing.startswith("It fails in line 9: AttributeError")
    assert "linear plain, mlp plain, conv_bn plain" in failing
    assert not any("Time ran out" in fault["what"] for fault in result["faults"])
    tried = [found["outcome"] for found in result["architectures"].values()]
    assert tried.count("failed") == 3
