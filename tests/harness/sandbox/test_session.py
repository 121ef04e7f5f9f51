"""Tracks of one submission share a process turn by turn: none sees what a later one is shown, and none pays twice."""

from pathlib import Path

import pytest
import torch
from torch import nn

from harness.sandbox.client import Sandbox
from harness.sandbox.plugins import Retraining, make_commission, make_commissions, score_commission, shared_sandbox
from harness.sandbox.submission import Parts, Submission, Turn

CHANNEL = """
import gc
import os
import socket
import time
import torch
from measures import measure, shared

def channels():
    for descriptor in range(3, 256):
        try:
            channel = socket.socket(fileno=descriptor)
        except OSError:
            continue
        yield channel
        channel.detach()

def waiting():
    found = 0
    for channel in channels():
        try:
            found += len(channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            pass
    return found

def say_it_has_ended():
    for channel in channels():
        channel.sendall(b'{"end": []}' + bytes([10]))
"""
TRACKS = f"""
{CHANNEL}
CALLS = []

@shared
def counted(subject):
    CALLS.append(1)
    return len(CALLS)

def images():
    found = [item for item in gc.get_objects() if isinstance(item, torch.Tensor) and item.dim() == 4 and len(item) > 1]
    return len({{item.untyped_storage().data_ptr() for item in found}})

@measure(source="nobody", family="norm", weights_only=True)
def blind(subject):
    '''Memories of images in its process, and bytes that wait for it.'''
    return float(images() + waiting())

@measure(source="nobody", family="norm")
def of_data(subject):
    '''Memories of images in its process, and bytes that wait for it.'''
    return float(images() + waiting())

@measure(source="nobody", family="norm")
def first(subject):
    '''How often the pass ran.'''
    return float(counted(subject))

@measure(source="nobody", family="norm", needs={{"unlabeled"}})
def second(subject):
    '''How often the pass ran, and how many test images there are.'''
    return float(counted(subject)) + 100 * len(subject.unlabeled)
"""
IMPATIENT = f"""
{CHANNEL}
SEEN = []

@measure(source="nobody", family="norm", weights_only=True)
def impatient(subject):
    '''Bytes of the next turn, after it has said that its own has ended.'''
    say_it_has_ended()
    time.sleep(0.3)
    SEEN.append(waiting())
    return float(SEEN[-1])

@measure(source="nobody", family="norm")
def later(subject):
    '''Number of examples, and bytes that were seen before its turn.'''
    return float(subject.num_examples + 1000 * sum(SEEN))
"""
BAD = f"""
{CHANNEL}
def squares(subject):
    return sum(float(p.square().sum()) for p in (*subject.params.values(), subject.inputs))

@measure(source="nobody", family="norm")
def one(subject):
    '''Sum of squares of weights and inputs.'''
    return squares(subject)

@measure(source="nobody", family="norm")
def two(subject):
    '''Sum of squares of weights and inputs.'''
    return squares(subject)

@measure(source="nobody", family="norm")
def three(subject):
    '''Sum of squares of weights and inputs.'''
    return squares(subject)

@measure(source="nobody", family="norm")
def bad(subject):
    '''Ends the process, spoils the network, or says what was not asked.'''
    @DEED@
    return 0.0

@measure(source="nobody", family="norm")
def worse(subject):
    '''The same once more.'''
    @DEED@
    return 0.0
"""
FORGING = f"""
{CHANNEL}
import json

@measure(source="nobody", family="norm")
def forger(subject):
    '''Answers for its neighbour, and replaces it.'''
    answer = dict(name="honest", value=5.0, outcome="scored", seconds=0.0, version=1)
    answer |= dict(why="", passes=[], layers={{}}, peak=0)
    for channel in channels():
        channel.sendall(json.dumps(answer).encode() + bytes([10]))
    object.__setattr__(honest, "compute", lambda subject: 6.0)
    return 1.0

@measure(source="nobody", family="norm")
def honest(subject):
    '''Number of examples.'''
    return float(subject.num_examples)
"""


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    """The stronger that works here."""
    return shared_sandbox()


@pytest.fixture(scope="module")
def parts() -> Parts:
    """A linear network, sixteen examples and eight test images."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    inputs = torch.randn(24, 1, 8, 8)
    return Parts(model=network, inputs=inputs[:16], labels=torch.arange(16) % 10, unlabeled=inputs[16:])


def test_a_track_sees_nothing_of_a_later_one_and_shares_its_passes(
    sandbox: Sandbox, parts: Parts, tmp_path: Path
) -> None:
    """Without data there are no images; with them they lie there once; the pass of both tracks runs once."""
    path = tmp_path / "tracks.py"
    path.write_text(TRACKS)
    submission = Submission.of_file(path)
    described = sandbox.describe(submission)
    commission = make_commission(submission, list(described.values()))
    assert [of_track.track for of_track in commission.tracks] == ["weights only", "training data", "unlabeled inputs"]

    scores = score_commission(commission, parts, 60, Retraining(None, 60))

    assert {name: (score.value, score.why) for name, score in scores.items()} == {
        "blind": (0.0, ""), "of_data": (1.0, ""), "first": (1.0, ""), "second": (801.0, "")
    }  # fmt: skip


def test_what_was_computed_on_other_data_is_computed_again(sandbox: Sandbox, parts: Parts, tmp_path: Path) -> None:
    """A pass over one image of zeros says nothing of the data."""
    path = tmp_path / "tracks.py"
    path.write_text(TRACKS)
    turns = [Turn(("first",), parts.without_data()), Turn(("second",), parts)]

    replies = sandbox.score_in_turn(Submission.of_file(path), turns)

    assert [reply.score.value for reply in replies.values()] == [1.0, 802.0], replies


def test_a_turn_has_ended_when_its_measures_have_answered(sandbox: Sandbox, parts: Parts, tmp_path: Path) -> None:
    """Who says so before is shown no more: nothing comes over its channel but the end of it."""
    path = tmp_path / "impatient.py"
    path.write_text(IMPATIENT)
    turns = [Turn(("impatient",), parts.without_data()), Turn(("later",), parts)]

    replies = sandbox.score_in_turn(Submission.of_file(path), turns)

    assert [reply.score.value for reply in replies.values()] == [0.0, 16.0], replies


def test_no_measure_of_a_file_forges_the_answer_of_another(sandbox: Sandbox, parts: Parts, tmp_path: Path) -> None:
    """Each runs in a separate fork; sharing one, the neighbour's answer is forged."""
    path = tmp_path / "forging.py"
    path.write_text(FORGING)
    submission = Submission.of_file(path)
    described = sandbox.describe(submission)
    commissions = make_commissions(list(described), described, dict.fromkeys(described, submission))
    apart: dict[str, float | None] = {}
    for commission in commissions:
        scores = score_commission(commission, parts, 60, Retraining(None, 60))
        apart |= {name: score.value for name, score in scores.items()}
    together = score_commission(make_commission(submission, list(described.values())), parts, 60, Retraining(None, 60))

    assert apart == {"forger": 1.0, "honest": 16.0}
    assert together["honest"].value in (5.0, 6.0)


@pytest.mark.parametrize(
    "deed",
    [
        "os._exit(0)",
        "next(iter(subject.params.values())).zero_()",
        "subject.inputs.zero_()",
        "say_it_has_ended()",
        "1 / 0",
    ],
)
@pytest.mark.parametrize(
    "turns",
    [
        ("one bad", "two", "three"),
        ("one", "two bad", "three"),
        ("one", "two", "bad three"),
        ("one bad", "worse two", "three"),
    ],
)
def test_what_goes_wrong_in_one_turn_stays_there(
    deed: str, turns: tuple[str, ...], sandbox: Sandbox, parts: Parts, tmp_path: Path
) -> None:
    """Before, beside and after it every measure is scored."""
    path = tmp_path / "bad.py"
    path.write_text(BAD.replace("@DEED@", deed))
    asked = [Turn(tuple(names.split()), parts) for names in turns]

    replies = sandbox.score_in_turn(Submission.of_file(path), asked, time_limit=30)

    squares = sum(float(param.detach().square().sum()) for param in (*parts.model.parameters(), parts.inputs))
    assert list(replies) == " ".join(turns).split()
    for name, reply in replies.items():
        if name not in ("bad", "worse"):
            assert reply.score.value == pytest.approx(squares, rel=1e-6), (name, reply.score.why)
    assert (replies["bad"].score.outcome == "scored") == deed.startswith("say")
