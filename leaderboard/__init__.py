"""Turns a ledger into a ranking: `read_ledger` or bring a table, `rank` it, `order` the measures."""

from leaderboard.ledger import read_ledger
from leaderboard.mapping import Columns, LedgerError
from leaderboard.ranking import order, rank

__all__ = ["Columns", "LedgerError", "order", "rank", "read_ledger"]
