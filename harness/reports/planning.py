"""Plan an experiment from a suite's recipes, which need not be trained, or from a ranked zoo or ledger."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pandas as pd
from rich.console import Console

from harness.errors import HarnessError
from leaderboard.ranking.planning import Precision, precision_of_recipes, precision_of_report
from leaderboard.statistics.undefined import UndefinedError
from zoo.recipe import Recipe
from zoo.suites.registry import suite, suites
from zoo.suites.study import SizeName

LARGEST: Final = 2.0  # difference between two Psi


def precision_of(source: str, size: SizeName, console: Console) -> tuple[Precision, str]:
    """Return the precision of a suite, a zoo's directory, a ledger's file or reference:NAME, and where it is from.

    Raises:
        HarnessError: there is no such thing, or it cannot compare two measures.
        LeaderboardError: a ledger that cannot be ranked.
        UnknownSuiteError: no suite and no file has this name, or the suite has no such size.
    """
    from harness.reports.ranking import RankOptions, rank_source

    try:
        if source not in suites() and (Path(source).exists() or ":" in source or len(Path(source).parts) > 1):
            report = rank_source(Path(source), RankOptions(bootstrap=0), console).report
            return precision_of_report(report), "the median standard error between two of its measures"
        recipes = suite(source).recipes(size)
        return precision_of_networks(recipes), "a model of two equally good measures; see docs/statistics.md"
    except UndefinedError as reason:
        raise HarnessError(f"{source} settles no difference between two measures: {reason}") from reason


def precision_of_networks(recipes: Iterable[Recipe]) -> Precision:
    """Compute the precision of networks by the model.

    Raises:
        UndefinedError: nothing can be compared.
    """
    from harness.store.to_ledger import hyperparameters_of

    return precision_of_recipes(pd.DataFrame([hyperparameters_of(recipe) for recipe in recipes]))


def settled_by(recipes: Iterable[Recipe]) -> float | None:
    """Compute which difference of Psi networks settle; None where that is none."""
    try:
        found = precision_of_networks(recipes).settles()
    except UndefinedError:
        return None
    return found if found < LARGEST else None
