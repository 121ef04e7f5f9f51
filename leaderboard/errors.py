"""Errors of users of this room; everything else that is raised here is a fault of the program."""


class LeaderboardError(ValueError):
    """Base of all errors that a user can cause and mend; the message says what is wrong and what to do."""


class LedgerError(LeaderboardError):
    """The ledger cannot be read, or cannot be ranked as asked."""


class RankingError(LeaderboardError):
    """A stored ranking, or the file that shows one, cannot be used; or a ranking has no such statistic."""
