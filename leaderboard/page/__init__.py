"""The web page of a leaderboard."""

from leaderboard.page.document import build

__all__ = ["build"]
