"""Options of a command reach the plan and the workers as one object."""

from dataclasses import fields
from inspect import signature
from pathlib import Path

import pytest

from harness.commands.run import run, score, train
from harness.errors import HarnessError
from harness.pipeline import plan as plans
from harness.pipeline.run_options import RunOptions, parse_fleet, parse_shard

ONLY_SCORED = {"measures", "plugin", "retraining", "layers"}
ONLY_TRAINED = {"fleet", "mode", "precision"}


class _StopError(Exception):
    """Ends a command once its options are known."""


def test_every_parameter_of_a_command_is_an_option() -> None:
    """`run` has all of them; `train` and `score` have those of their step."""
    names = {field.name for field in fields(RunOptions)}

    assert set(signature(run).parameters) == names | {"dry_run"}
    assert set(signature(train).parameters) == names - ONLY_SCORED
    assert set(signature(score).parameters) == names - ONLY_TRAINED


@pytest.mark.parametrize("command", [run, train, score])
def test_the_defaults_of_a_command_are_those_of_the_options(command: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command passes on without arguments is `RunOptions()`; with other values each reaches its own field."""
    seen: list[RunOptions] = []

    def make_plan(options: RunOptions) -> None:
        seen.append(options)
        raise _StopError

    monkeypatch.setattr(plans, "make_plan", make_plan)
    assert callable(command)
    with pytest.raises(_StopError):
        command()
    names = [name for name in signature(command).parameters if name != "dry_run"]
    other = {name: {"fleet": "7", "shard": "2/3"}.get(name, f"another {name}") for name in names}
    with pytest.raises(_StopError):
        command(**other)

    assert seen[0] == RunOptions()
    assert seen[1].shard == parse_shard("2/3")
    assert {name: str(getattr(seen[1], name)) for name in other if name != "shard"} == {
        name: value for name, value in other.items() if name != "shard"
    }


def test_a_fleet_is_auto_or_a_number() -> None:
    """Anything else is refused."""
    assert [parse_fleet("auto"), parse_fleet("12")] == ["auto", 12]
    for text in ("0", "-1", "many", ""):
        with pytest.raises(HarnessError, match="--fleet must be auto or a number from 1"):
            parse_fleet(text)


def test_a_zoo_without_a_directory_is_named_after_what_is_trained() -> None:
    """Suite, size, image set and whether it is held out."""
    assert RunOptions(suite="jiang").folder == Path("runs/jiang")
    assert RunOptions(suite="jiang", size="full", dataset="cifar10").folder == Path("runs/jiang-full-cifar10")
    assert RunOptions(secret_seed=Path("secret")).folder == Path("runs/digits-held-out")
    assert RunOptions(out=Path("zoo"), size="full").folder == Path("zoo")
