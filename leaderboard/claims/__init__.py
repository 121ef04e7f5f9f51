"""Published findings, each a test on a ledger."""

from leaderboard.claims.claim import Claim, Evidence, Finding, JudgedClaim, Range, judge
from leaderboard.claims.registry import claims_of

__all__ = ["Claim", "Evidence", "Finding", "JudgedClaim", "Range", "claims_of", "judge"]
