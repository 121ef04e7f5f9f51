"""`gapbench list`, `describe`, `--version` and completion."""

import json
import os
import subprocess
import sys

import pytest

from harness.commands.options import complete_measure, complete_suite
from measures.left_out import ABSENT
from measures.registry import catalog
from tests.harness.commands.test_rank_without_torch import without_torch
from tests.harness.conftest import Gapbench


def test_measures_as_json_are_numbers_and_lists(gapbench: Gapbench) -> None:
    """For the next program: the sign is a number, needs are a list, and the schema is stated."""
    found = json.loads(gapbench("list", "measures", "--json").stdout)

    assert found["schema"] == 1
    assert set(found["measures"]) == set(catalog())
    for name, measure in catalog().items():
        entry = found["measures"][name]
        assert entry["expected_sign"] == measure.expected_sign
        assert entry["needs"] == sorted(measure.needs)
        assert entry["version"] == measure.version


def test_suites_as_json(gapbench: Gapbench) -> None:
    """One that settles no difference of Psi has null for it; the table shows a dash."""
    found = json.loads(gapbench("list", "suites", "--json").stdout)["suites"]

    assert found["smoke"]["settles"] is None
    assert 0 < found["digits"]["settles"] < 2
    assert found["cifar10 --size full"]["suite"] == "cifar10"
    smoke = next(line for line in gapbench("list", "suites").stdout.splitlines() if line.startswith("smoke"))
    assert smoke.split()[1:3] == ["12", "–"]


@pytest.mark.parametrize("what", ["datasets", "corruptions"])
def test_things_that_have_no_more_than_a_sentence(what: str, gapbench: Gapbench) -> None:
    """In JSON and in the table."""
    entries = json.loads(gapbench("list", what, "--json").stdout)[what]

    assert entries
    assert all(set(entry) == {"what"} and entry["what"] for entry in entries.values())
    assert set(entries) <= set(gapbench("list", what).stdout.split())


def test_a_measure_is_described_at_once() -> None:
    """With its formula, without torch."""
    words = without_torch("describe", "fro_dist")
    facts = json.loads(without_torch("describe", "fro_dist", "--json"))

    assert ".. math::" in words
    assert catalog()["fro_dist"].source in words
    assert facts["measure"] == "fro_dist"
    assert facts["needs"] == ["init"]
    assert facts["noise"] == 0


def test_measures_that_are_not_there(gapbench: Gapbench) -> None:
    """A name with a slip, and measures of the literature that are left out."""
    assert "Did you mean: fro_dist" in gapbench("describe", "fro_dis").stderr
    for name, why in ABSENT.items():
        assert " ".join(why.split()) in " ".join(gapbench("describe", name).stderr.split())


def test_the_version(gapbench: Gapbench) -> None:
    """`gapbench --version` and `python -m harness --version`."""
    words = gapbench("--version").stdout
    module = subprocess.run(
        [sys.executable, "-m", "harness", "--version"], capture_output=True, text=True, check=True, env=os.environ
    )

    assert words.startswith("gapbench 0.")
    assert module.stdout == words


def test_completion_of_names() -> None:
    """Of suites, and of measures also behind a comma."""
    assert complete_suite("smo") == ["smoke"]
    assert complete_measure("fro_di") == ["fro_dist"]
    assert complete_measure("l2,fro_di") == ["l2,fro_dist"]
