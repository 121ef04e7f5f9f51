"""Measures from installed packages: described, reported and scored, and never run here."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.sandbox.confinement import code_folders
from harness.sandbox.plugins import shared_sandbox
from harness.store.store import Store
from measures import Score
from tests.harness.conftest import Gapbench

GOOD = '''
from measures import measure

@measure(source="this test", family="parameters", weights_only=True)
def weights_of_a_package(subject):
    """Number of weights."""
    return float(sum(p.numel() for p in subject.params.values()))
'''
MODULES = {
    "a_broken_package": "raise RuntimeError('it is broken')",
    "an_empty_package": "x = 1",
    "a_good_package": GOOD,
}
POINTS = {"broken": "a_broken_package", "empty": "an_empty_package", "good": "a_good_package", "gone": "no_package"}


def cells(zoo: Path) -> dict[tuple[str, str], Score]:
    """All scores of a zoo, by run_id and measure."""
    with Store(zoo) as store:
        return {(run_id, name): score for run_id, name, score in store.scores()}


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed distribution with four entry points, where Python finds packages."""
    folder = tmp_path / "site"
    facts = folder / "four_points-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: four-points\nVersion: 1.0\n")
    points = "".join(f"{name} = {module}\n" for name, module in POINTS.items())
    (facts / "entry_points.txt").write_text(f"[gapbench.measures]\n{points}unnamed = 1 + 1\n")
    for module, content in MODULES.items():
        (folder / f"{module}.py").write_text(content)
    monkeypatch.syspath_prepend(folder)
    code_folders.cache_clear()  # what is installed has changed: a sandbox that knows it
    shared_sandbox.cache_clear()
    yield
    shared_sandbox().close()
    code_folders.cache_clear()
    shared_sandbox.cache_clear()


@pytest.mark.usefixtures("distribution")
def test_a_broken_package_is_reported_and_the_good_one_scored(gapbench: Gapbench, zoo: Path) -> None:
    """One that stops, one that defines nothing, one that is not there, one that names no module, and one that works."""
    result = gapbench("score", "smoke", "--limit", "4", "--measures", "weights_of_a_package", "--out", zoo)

    assert result.exit_code == 0, result.output
    for said in (
        "broken = a_broken_package cannot be used: RuntimeError: it is broken",
        "empty = an_empty_package cannot be used: an_empty_package must define at least one function under @measure",
        "gone = no_package cannot be used: No package is called no_package.",
        "unnamed = 1 + 1 cannot be used: an entry point must name a module",
    ):
        assert said in result.output
    assert "plug-in good" not in result.output
    assert not MODULES.keys() & sys.modules.keys(), "none of them runs here"
    found = [score for (_, name), score in cells(zoo).items() if name == "weights_of_a_package"]
    assert [score.outcome for score in found] == ["scored"] * 4
    assert all(score.source_hash for score in found)
