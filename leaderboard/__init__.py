"""Rank complexity measures from a ledger of trained networks: `read_ledger`, `rank`, `order`."""

from leaderboard.errors import LeaderboardError, LedgerError, RankingError
from leaderboard.ledger.column_names import Columns
from leaderboard.ledger.read import read_ledger
from leaderboard.ranking.rank import order, rank

__all__ = ["Columns", "LeaderboardError", "LedgerError", "RankingError", "order", "rank", "read_ledger"]
