"""A sandboxed measure may have networks trained: outside, by a recipe that never enters the sandbox."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.pipeline.run_options import RunOptions
from harness.pipeline.tasks import ScoreTask
from harness.pipeline.workers import _refit_of, parts_of, subject_of
from harness.sandbox.client import Sandbox
from harness.sandbox.plugins import Retraining, make_commissions, score_commission, shared_sandbox
from harness.sandbox.retraining import MAX_TRAININGS
from harness.sandbox.submission import Parts, Submission, Turn
from harness.store.store import Store
from measures.registry import from_file
from measures.training_history import Refitted, Training

MEASURES = """
import math
import torch
from measures import measure
from measures.training_history import Training

@measure(source="nobody", family="norm", needs={"refit"})
def retrained(subject):
    '''Distance to networks trained once more, on the first half and on other labels, and their last losses.'''
    half = subject.num_examples // 2
    fitted = subject.refit([
        Training(inputs=subject.inputs[:half].repeat(2, 1, 1, 1), labels=subject.labels[:half].repeat(2), seed=7),
        Training(inputs=subject.inputs, labels=(subject.labels + 1) % subject.num_classes),
    ])
    far = [float((one.params[name] - p).square().sum()) for one in fitted for name, p in subject.params.items()]
    return math.fsum(far) + sum(one.losses[-1] for one in fitted)
"""
ASKING = """
import torch
from measures import measure
from measures.training_history import Training

@measure(source="nobody", family="norm", needs={"refit"})
def asking(subject):
    '''First number of the last network.'''
    x, y = subject.inputs, subject.labels
    return float(subject.refit(@TRAININGS@)[-1].params["mean"])
"""


def means(trainings: Sequence[Training]) -> list[Refitted]:
    """In place of training, what can be said at once: the mean image, the sum of the labels, the seed."""
    return [
        Refitted(
            params={"mean": one.inputs.mean() + one.labels.sum() + (one.seed or 0)}, buffers={}, losses=[0.0],
            steps_per_epoch=1, converged=True,
        )
        for one in trainings
    ]  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """The stronger that works here."""
    return shared_sandbox()


def test_retraining_gives_what_it_gives_outside(sandbox: Sandbox, finished: Path, tmp_path: Path) -> None:
    """Two trainings by a recipe of the smoke suite, the same to the last bits of float32."""
    path = tmp_path / "retrained.py"
    path.write_text(MEASURES)
    with Store(finished) as store:
        run = next(iter(store.runs().values()))
        initial, final = store.weight_files(run.run_id)
    task = ScoreTask(
        origin=run.recipe, initial=initial, final=final, trajectory=None,
        losses=run.record.losses, steps=run.record.steps, twin=None, names=(), options=RunOptions(device="cpu"),
    )  # fmt: skip
    submission = Submission.of_file(path)
    described = sandbox.describe(submission)
    (group,) = make_commissions(["retrained"], described, {"retrained": submission})

    score = score_commission(group, parts_of(task), 30, Retraining(_refit_of(task), 60))["retrained"]
    none = score_commission(group, parts_of(task), 30, Retraining(None, 60))["retrained"]

    expected = from_file(path)["retrained"](subject_of(task, with_refit=True))
    assert score.value == pytest.approx(expected, rel=1e-6), score.why
    assert (none.outcome, none.why) == ("unsupported", "The measure needs 'refit', which was not given.")


@pytest.mark.parametrize(
    ("trainings", "said"),
    [
        ("[Training(inputs=x, labels=y), Training(inputs=x[:3], labels=y[:3], seed=5)]", 5.0 + 3.0 + 0.5),
        (f"[Training(inputs=x, labels=y)] * {MAX_TRAININGS + 1}", f"1 to {MAX_TRAININGS} trainings"),
        ("[]", f"1 to {MAX_TRAININGS} trainings"),
        ("[Training(inputs=x.repeat(2, 1, 1, 1), labels=y.repeat(2))]", "got [32, 1, 8, 8]"),
        ("[Training(inputs=x[:, :, :4], labels=y)]", "got [16, 1, 4, 8]"),
        ("[Training(inputs=x[:0], labels=y[:0])]", "got [0, 1, 8, 8]"),
        ("[Training(inputs=x, labels=y + 1)]", "labels from 0 to 9"),
        ("[Training(inputs=x, labels=y - 1)]", "labels from 0 to 9"),
        ("[Training(inputs=x / 0, labels=y)]", "inputs must be finite"),
        ("[Training(inputs=x, labels=y[:4])]", "ValueError"),
        ("[Training(inputs=x, labels=y, seed=-1)]", "a seed must be"),
        ("[Training(inputs=x, labels=y, seed=2 ** 31)]", "a seed must be"),
        ("[Training(inputs=x, labels=y, seed=1.5)]", "a seed must be"),
    ],
)
def test_what_cannot_be_trained_is_refused(trainings: str, said: float | str, sandbox: Sandbox, tmp_path: Path) -> None:
    """With the reason, as a failure of the measure that asked."""
    path = tmp_path / "asking.py"
    path.write_text(ASKING.replace("@TRAININGS@", trainings))
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    parts = Parts(model=network, inputs=torch.full((16, 1, 8, 8), 0.5), labels=torch.arange(16) % 10)

    turn = Turn(("asking",), parts)
    score = sandbox.score_in_turn(Submission.of_file(path), [turn], time_limit=20, refit=means)["asking"].score

    if isinstance(said, float):
        assert score.value == pytest.approx(said), score.why
    else:
        assert score.outcome == "failed"
        assert said in score.why


def test_who_may_not_train_asks_in_vain(sandbox: Sandbox, tmp_path: Path) -> None:
    """A request for training from a fork that was given none is no answer."""
    path = tmp_path / "asks.py"
    path.write_text(
        "import os\nfrom measures import measure\n\n"
        '@measure(source="nobody", family="norm")\n'
        "def asks(_):\n"
        '    """Nothing."""\n'
        "    for descriptor in range(3, 256):\n"
        "        try:\n"
        "            os.write(descriptor, b'{\"refit\": []}' + bytes([10]))\n"
        "        except OSError:\n"
        "            continue\n"
        "    return 0.0\n"
    )
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    parts = Parts(model=network, inputs=torch.randn(16, 1, 8, 8), labels=torch.arange(16) % 10)

    score = sandbox.score(Submission.of_file(path), ["asks"], parts)["asks"].score

    assert (score.outcome, score.value) == ("failed", None)
    assert "it sent a malformed answer" in score.why
