"""Errors that a user of this package can cause; any other exception is a fault of the program."""


class LeaderboardError(ValueError):
    """Base class of errors that a user can cause; the message says what is wrong and what to do."""


class LedgerError(LeaderboardError):
    """The ledger cannot be read, or cannot be ranked with these options."""


class RankingError(LeaderboardError):
    """A stored ranking or the file that shows it cannot be used, or a ranking lacks the requested statistic."""
