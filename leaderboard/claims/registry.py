"""Find the claims and the figure of a study, in the module of its name in `leaderboard.claims.studies`."""

import importlib
import pkgutil
from typing import Any

import leaderboard.claims.studies
from leaderboard.claims.claim import Claim
from leaderboard.claims.figure import Figure


def claims_of(study: str) -> list[Claim]:
    """Return the claims of a study; an empty list for a suite without claims."""
    return list(_defined(study, "CLAIMS") or ())


def figure_of(study: str) -> Figure | None:
    """Return the figure of a study; None if it has none."""
    found = _defined(study, "FIGURE")
    return found if isinstance(found, Figure) else None


def _defined(study: str, name: str) -> Any:
    names = {info.name for info in pkgutil.iter_modules(leaderboard.claims.studies.__path__)}
    if study not in names:
        return None
    return getattr(importlib.import_module(f"leaderboard.claims.studies.{study}"), name, None)
