"""Targets of a ranking: their names, words and ranges, and the columns of a ledger that they follow from.

| target | what it is | follows from |
|---|---|---|
| `gap` | train_accuracy - test_accuracy | the accuracies |
| `loss_gap` | test_loss - train_loss | the losses |
| `test_error` | 1 - test_accuracy | the accuracy |
| `error_under.<shift>.<severity>` | test error on images under this shift | the observation `error_under_shift` or `error_under_severities` |
| `error_under.clean` | test error on the same images as they are | the same |
| `error_under.mean` | mean of `error_under.<shift>.<severity>` over all that the ledger has | these |
| `balanced_error` | mean over the classes of the test error on their images | the observation of this name |
| `attack_success` | share of the test images with a trigger that are called the class of the poison | the same |
| `robust_error.<radius>` | test error under attack, within so many grey levels of 255 | the observation `robust_error` |

`size.<family>`, such as `size.error_under`, is the number of test examples behind a target whose name begins so.
"""  # noqa: E501  a table's row

import re
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import pandas as pd

from leaderboard.errors import LedgerError
from leaderboard.ledger.column_names import suggest

Target = str  # one of `PLAIN`, or a name of `OBSERVED`

PLAIN: Final[dict[str, str]] = {
    "gap": "train_accuracy and test_accuracy",
    "loss_gap": "train_loss and test_loss",
    "test_error": "test_accuracy",
}
OBSERVED: Final = re.compile(r"error_under\.[a-z0-9_]+(?:\.[1-5])?|balanced_error|attack_success|robust_error\.[0-9]+")
EVERY_SHIFT: Final = re.compile(r"error_under\.[a-z0-9_]+\.[1-5]")
MEAN: Final = "error_under.mean"
CLEAN: Final = "error_under.clean"
WORDS: Final = {
    "gap": "generalization gap",
    "loss_gap": "loss gap",
    "test_error": "test error",
    CLEAN: "test error on the images that are shifted, as they are",
    MEAN: "mean test error under the shifts",
    "balanced_error": "balanced test error",
    "attack_success": "success of the backdoor",
}
BEFORE: Final = "observed."  # what a zoo puts before the names of its observations
UNDER_SHIFT: Final = re.compile(r"observed\.error_(?!under\.)([a-z0-9_]+)")  # of `error_under_shift`, at one severity
ITS_SEVERITY: Final = 3
ITS_CLEAN: Final = "observed.clean_error"
ITS_SAMPLE: Final = 2000  # images at most
TEST_SIZE: Final = 10_000  # number of test examples if the ledger does not have it: that of CIFAR-10
SIZE: Final = "size."


def is_target(name: str) -> bool:
    """Whether a column of this name is a target."""
    return name in PLAIN or OBSERVED.fullmatch(name) is not None


def is_of_a_target(name: str) -> bool:
    """Whether a column of this name is a target, or what one follows from."""
    bare = name.removeprefix(BEFORE)
    return is_target(bare) or bare.startswith(SIZE) or name == ITS_CLEAN or UNDER_SHIFT.fullmatch(name) is not None


def targets_in(ledger: pd.DataFrame) -> list[str]:
    """The targets of a checked ledger, in the order of its columns, the plain ones first."""
    return [*(name for name in PLAIN if name in ledger), *(str(n) for n in ledger if OBSERVED.fullmatch(str(n)))]


def target_of(ledger: pd.DataFrame, target: Target) -> "pd.Series[float]":
    """The column of a target, NaN where a network has none.

    Raises:
        LedgerError: an unknown target, or a ledger without it.
    """
    there = targets_in(ledger)
    if not is_target(target):
        raise LedgerError(f"No target is called {target!r}. {suggest(target, {*PLAIN, *there})}")
    if target not in ledger and target in PLAIN:
        raise LedgerError(f"The ledger needs a column {target}, or {PLAIN[target]}, to be ranked by {target}.")
    if target not in ledger:
        others = [name for name in there if OBSERVED.fullmatch(name)]
        hint = suggest(target, others) if others else f"It has {', '.join(there)}."
        raise LedgerError(
            f"The ledger has no column {target}. {hint} A suite records others with its observations; see "
            "docs/corruptions.md."
        )
    return ledger[target].where(np.isfinite(ledger[target]))


def words_of(target: Target) -> str:
    """What a target is called in a sentence."""
    if target in WORDS:
        return WORDS[target]
    family, shift, *severity = target.split(".")
    if family == "robust_error":
        return f"robust error within {shift} grey levels"
    return " at severity ".join([f"test error under {shift.replace('_', ' ')}", *severity])


def short_words_of(target: Target) -> str:
    """What a target is called where there is little room: its name, if that can be read."""
    return target.replace("_", " ") if target in PLAIN else words_of(target)


def limits_of(target: Target) -> tuple[float, float]:
    """The least and the largest value that a target can have."""
    if target == "loss_gap":
        return -np.inf, np.inf
    return (-1.0, 1.0) if target == "gap" else (0.0, 1.0)


def is_share(target: Target) -> bool:
    """Whether a target is a share of test examples."""
    return target != "loss_gap"


def size_of(ledger: pd.DataFrame, target: Target) -> "pd.Series[float]":
    """Number of test examples behind a target, a share, of each network."""
    whole = ledger["test_size"].fillna(TEST_SIZE) if "test_size" in ledger else pd.Series(TEST_SIZE, index=ledger.index)
    column = SIZE + target.partition(".")[0]
    return ledger[column].fillna(whole) if column in ledger else whole


def accuracy_of(ledger: pd.DataFrame, target: Target) -> "pd.Series[float]":
    """Accuracy on the test examples behind a target, a share, of each network; NaN where unknown."""
    if target not in PLAIN:
        return 1 - ledger[target]
    return ledger["test_accuracy"] if "test_accuracy" in ledger else pd.Series(np.nan, index=ledger.index)


def with_targets(ledger: pd.DataFrame, *, required: bool) -> pd.DataFrame:
    """Add the targets that a ledger lacks and that follow from its columns.

    Raises:
        LedgerError: one is required, and there is none.
    """
    derived: dict[str, pd.Series[Any]] = {}
    if "gap" not in ledger and {"train_accuracy", "test_accuracy"} <= set(ledger):
        derived["gap"] = ledger["train_accuracy"] - ledger["test_accuracy"]
    if "loss_gap" not in ledger and {"train_loss", "test_loss"} <= set(ledger):
        derived["loss_gap"] = ledger["test_loss"] - ledger["train_loss"]
    if "test_error" not in ledger and "test_accuracy" in ledger:
        derived["test_error"] = 1 - ledger["test_accuracy"]
    derived |= _observed(ledger)
    complete = ledger.assign(**derived)
    if required and not targets_in(complete):
        raise LedgerError(
            "The ledger needs a column gap, or train_accuracy and test_accuracy. Rename the column, or map it with "
            "--gap NAME."
        )
    return complete


def _observed(ledger: pd.DataFrame) -> "dict[str, pd.Series[Any]]":
    """The targets, and their sizes, that a ledger has as observations of a zoo."""
    found: dict[str, pd.Series[Any]] = {}

    def add(name: str, values: "pd.Series[Any]") -> None:
        there = [*([found[name]] if name in found else []), *([ledger[name]] if name in ledger else [])]
        found[name] = there[0].fillna(values) if there else values

    columns = [str(column) for column in ledger if str(column).startswith(BEFORE)]
    for column in columns:
        name = column.removeprefix(BEFORE)
        if OBSERVED.fullmatch(name) or name.startswith(SIZE):
            add(name, ledger[column])
    earlier = [column for column in columns if UNDER_SHIFT.fullmatch(column)]
    for column in earlier:
        shift = column.removeprefix(f"{BEFORE}error_")
        add(f"error_under.{shift}.{ITS_SEVERITY}", ledger[column])
    if earlier and ITS_CLEAN in ledger:
        add(CLEAN, ledger[ITS_CLEAN])
    if earlier:
        add(f"{SIZE}error_under", size_of(ledger, "test_error").clip(upper=ITS_SAMPLE))
    each = _every_shift([*map(str, ledger), *found])
    if each and MEAN not in ledger and MEAN not in found:
        table = pd.DataFrame({name: found[name] if name in found else ledger[name] for name in each})
        found[MEAN] = table.mean(axis=1, skipna=False)
    return found


def _every_shift(names: Iterable[str]) -> list[str]:
    return sorted({name for name in names if EVERY_SHIFT.fullmatch(name)})
