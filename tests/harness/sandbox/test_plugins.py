"""Measures from installed packages and merged submissions: described, reported and scored, and never run here."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.pipeline.tasks import ScoreTask
from harness.pipeline.workers import subject_of
from harness.sandbox.confinement import ROOMS, code_folders
from harness.sandbox.plugins import shared_sandbox
from harness.sandbox.submission import Submission
from harness.store.store import Store
from measures import Score
from measures.registry import catalog, submission_files
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
SCORING = """
import sys
from pathlib import Path
from harness.store.store import Store
from harness.pipeline.workers import score_network
from tests.harness.sandbox.test_plugins import task_of

with Store(Path(sys.argv[1])) as store:
    ((_, scores),) = score_network(task_of(store, next(iter(store.runs())), ("param_norm",)))
print(scores["param_norm"].outcome, [name for name in sys.modules if name.startswith("measures.submissions.")])
"""


def cells(zoo: Path) -> dict[tuple[str, str], Score]:
    """All scores of a zoo, by run_id and measure."""
    with Store(zoo) as store:
        return {(run_id, name): score for run_id, name, score in store.scores()}


def task_of(store: Store, run_id: str, names: tuple[str, ...] = ()) -> ScoreTask:
    """Scoring a network of a zoo."""
    run = store.runs()[run_id]
    initial, final = store.weight_files(run_id)
    return ScoreTask(
        run_id=run_id, recipe=run.recipe.changed(), initial=initial, final=final, trajectory=None, losses=(),
        steps=0, twin=None, names=names, device="cpu", data_dir=None,
    )  # fmt: skip


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


def test_merged_submissions_are_scored_in_the_sandbox(gapbench: Gapbench, zoo: Path) -> None:
    """Their scores carry the hash of their file, and are those that the catalogue's functions give."""
    files = submission_files()
    result = gapbench("score", "smoke", "--limit", "4", "--measures", ",".join(files), "--out", zoo)

    assert result.exit_code == 0, result.output
    assert "in a process of their own" in result.output
    scores = cells(zoo)
    with Store(zoo) as store:
        for run_id in store.runs():
            subject = subject_of(task_of(store, run_id))
            for name, file in files.items():
                assert scores[run_id, name].source_hash == Submission.of_file(file).source_hash
                assert scores[run_id, name].value == pytest.approx(catalog()[name](subject), rel=1e-6)


def test_a_process_that_scores_imports_no_submission(finished: Path) -> None:
    """What it computes itself is in the box."""
    command = [sys.executable, "-c", SCORING, str(finished)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOMS)

    assert ended.stdout == "scored []\n"
