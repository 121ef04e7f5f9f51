"""The sandbox isolates measures from hidden data, from each other and from other requests; broken files are refused."""

from pathlib import Path

import pytest
import torch

from harness.pipeline.run_options import RunOptions
from harness.pipeline.tasks import ScoreTask
from harness.pipeline.workers import parts_of
from harness.sandbox import session
from harness.sandbox.client import Sandbox
from harness.sandbox.submission import Parts, PluginError, Submission
from harness.store.store import Store
from tests.harness.sandbox.boxed import squares
from zoo.training.train import data_of

# -- what it must not see is not in its process ------------------------------------------------------------------------


def disguised(labels: torch.Tensor) -> str:
    """Sixty labels in a row, as whole numbers of eight bytes and of one, each byte changed as the search changes it."""
    row = labels[:60]
    forms = (row.to(torch.int64).numpy().tobytes(), row.to(torch.uint8).numpy().tobytes())
    return " ".join(bytes(byte ^ 0x5A for byte in form).hex() for form in forms)


def searched(sandbox: Sandbox, parts: Parts, labels: torch.Tensor, store: Path, folder: Path) -> float:
    """How often a measure that searches all that it can reach finds these labels."""
    text = (Path(__file__).parent / "searching" / "search.py").read_text()
    path = folder / "search.py"
    path.write_text(text.replace("@SOUGHT@", disguised(labels)).replace("@FOLDER@", str(store)))
    score = sandbox.score(Submission.of_file(path), ["search"], parts, time_limit=120)["search"].score
    assert score.value is not None, score.why
    return score.value


def test_test_labels_reach_no_measure_by_any_path(sandbox: Sandbox, finished: Path, tmp_path: Path) -> None:
    """Not in its memory, objects, files, environment, nor in other processes; the labels of training are found.

    They lie in this process, and in a package's folder, while the search runs.
    """
    with Store(finished) as store:
        run = next(run for run in store.runs().values() if run.recipe.model == "mlp")
        initial, final = store.weight_files(run.run_id)
    task = ScoreTask(
        origin=run.recipe, initial=initial, final=final, trajectory=None, losses=(),
        steps=0, twin=None, names=(), options=RunOptions(device="cpu"),
    )  # fmt: skip
    parts = parts_of(task).for_needs({"unlabeled"})
    data = data_of(run.recipe)

    assert searched(sandbox, parts, data.train_labels, finished, tmp_path) > 0, "the search must find what is there"
    assert searched(sandbox, parts, data.test_labels, finished, tmp_path) == 0


# -- neighbours --------------------------------------------------------------------------------------------------------

NEIGHBOURS = """
import os
import torch
from measures import measure

@measure(source="nobody", family="norm")
def a_first(subject):
    '''Sum of squares.'''
    return sum(float(p.square().sum()) for p in subject.params.values())

@measure(source="nobody", family="norm")
def b_bad(subject):
    '''Ends the process, or spoils the network.'''
    {deed}
    return 0.0

@measure(source="nobody", family="norm")
def c_last(subject):
    '''Sum of squares.'''
    return sum(float(p.square().sum()) for p in subject.params.values())
"""


@pytest.mark.parametrize("deed", ["os._exit(0)", "next(iter(subject.params.values())).zero_()", "1 / 0"])
def test_what_goes_wrong_with_a_measure_is_its_own(deed: str, sandbox: Sandbox, parts: Parts, tmp_path: Path) -> None:
    """Those of the same file are scored as if it were not there."""
    path = tmp_path / "neighbours.py"
    path.write_text(NEIGHBOURS.format(deed=deed))
    replies = sandbox.score(Submission.of_file(path), ["a_first", "b_bad", "c_last"], parts)

    assert [reply.score.outcome for reply in replies.values()] == ["scored", "failed", "scored"]
    for name in ("a_first", "c_last"):
        assert replies[name].score.value == pytest.approx(squares(parts.model), rel=1e-6)


def test_a_request_leaves_no_file_for_the_next(sandbox: Sandbox, parts: Parts, tmp_path: Path) -> None:
    """A scratch folder is there for one request; what is written beside it is refused."""
    path = tmp_path / "files.py"
    path.write_text(
        "from pathlib import Path\nfrom measures import measure\n\n"
        '@measure(source="nobody", family="norm")\n'
        "def files(_):\n"
        '    """Files that there are, after one more was written."""\n'
        "    found = len([path for path in Path().iterdir() if path.suffix == '.txt'])\n"
        "    Path('left.txt').write_text('x')\n"
        "    try:\n"
        "        Path('..', 'beside.txt').write_text('x')\n"
        "    except PermissionError:\n"
        "        return float(found)\n"
        "    return 100.0\n"
    )
    submission = Submission.of_file(path)

    assert [sandbox.score(submission, ["files"], parts)["files"].score.value for _ in range(2)] == [0.0, 0.0]


# -- what cannot even be described -------------------------------------------------------------------------------------

BROKEN = {
    "no_measure": ("x = 1", "at least one function under @measure"),
    "missing_package": ("import a_package_that_is_not_there", "ModuleNotFoundError"),
    "leaves_on_import": ("import os; os._exit(0)", "exit code 0"),
    "exits_on_import": ("import sys; sys.exit(3)", "SystemExit"),
    "hangs_on_import": ("while True: pass", "ran longer than 1 s"),
    "writes_on_import": ("from pathlib import Path; Path('/etc/gapbench').write_text('x')", "stops with"),
    "docstring_without_end": (
        "from measures import measure\ndef f(s): 0\nf.__doc__ = 'x' * 10**8\nf = measure(source='x', family='norm')(f)",
        "it sent more than",
    ),
    "unknown_family": (
        "from measures import measure\n@measure(source='x', family='x')\ndef f(s):\n  '''x'''\n  return 0.0",
        "family must be one of",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_refused(
    name: str, sandbox: Sandbox, honest: Submission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the reason, and the next file is described."""
    text, words = BROKEN[name]
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    if name.startswith("hangs"):
        monkeypatch.setattr(session, "LOADING", 1.0)
    with pytest.raises(PluginError, match=name) as refusal:
        sandbox.describe(Submission.of_file(path))
    monkeypatch.undo()

    assert words in str(refusal.value)
    (described,) = sandbox.describe(honest).values()
    assert (described.name, described.source) == ("honest", "Jiang et al. 2020, eq. 42")
    with pytest.raises(RuntimeError, match="must be run in the sandbox"):
        described.compute(None)  # type: ignore[arg-type]


def test_a_measure_may_import_what_is_installed(sandbox: Sandbox, parts: Parts, tmp_path: Path) -> None:
    """Also what nothing has imported before it."""
    path = tmp_path / "imports.py"
    path.write_text(
        "import colorsys\nimport scipy.fftpack, sklearn.manifold\nfrom measures import measure\n\n"
        '@measure(source="nobody", family="norm")\n'
        "def imports(_):\n"
        '    """One."""\n'
        "    return float(scipy.fftpack.fft([1.0])[0].real)\n"
    )
    reply = sandbox.score(Submission.of_file(path), ["imports"], parts)["imports"]

    assert reply.score.value == 1.0, reply.score.why
