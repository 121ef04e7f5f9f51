"""Claims by study: every module beside this one that defines CLAIMS."""

import importlib
import pkgutil

import leaderboard.claims
from leaderboard.claims.claim import Claim


def claims_of(study: str) -> list[Claim]:
    """The claims of a study, none for a suite without any."""
    names = {info.name for info in pkgutil.iter_modules(leaderboard.claims.__path__)}
    if study not in names:
        return []
    return list(getattr(importlib.import_module(f"leaderboard.claims.{study}"), "CLAIMS", ()))
