"""Claims: published findings as tests on a ledger, each with a verdict."""

from leaderboard.claims.claim import Claim, Evidence, Finding, JudgedClaim, Range, judge
from leaderboard.claims.registry import claims_of

__all__ = ["Claim", "Evidence", "Finding", "JudgedClaim", "Range", "claims_of", "judge"]
