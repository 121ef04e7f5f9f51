"""Turns a ledger into a ranking: `read_ledger` or bring a table, `rank` it, `order` the measures."""

from leaderboard.ledger import LedgerError, read_ledger
from leaderboard.ranking import order, rank

__all__ = ["LedgerError", "order", "rank", "read_ledger"]
