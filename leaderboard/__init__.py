"""Turns a ledger into a ranking: `read_ledger` or bring a table, `rank` it, `order` the measures."""

from leaderboard.ledger.column_names import Columns, LedgerError
from leaderboard.ledger.read import read_ledger
from leaderboard.ranking.rank import order, rank

__all__ = ["Columns", "LedgerError", "order", "rank", "read_ledger"]
