"""Claims by study: every module beside this one that defines CLAIMS, and the figure that it may define."""

import importlib
import pkgutil
from typing import Any

import leaderboard.claims.studies
from leaderboard.claims.claim import Claim
from leaderboard.claims.figure import Figure


def claims_of(study: str) -> list[Claim]:
    """The claims of a study, none for a suite without any."""
    return list(_defined(study, "CLAIMS") or ())


def figure_of(study: str) -> Figure | None:
    """What is drawn of a study, None where nothing is."""
    found = _defined(study, "FIGURE")
    return found if isinstance(found, Figure) else None


def _defined(study: str, name: str) -> Any:
    names = {info.name for info in pkgutil.iter_modules(leaderboard.claims.studies.__path__)}
    if study not in names:
        return None
    return getattr(importlib.import_module(f"leaderboard.claims.studies.{study}"), name, None)
