"""Web page of a leaderboard."""

from leaderboard.views.page.document import build

__all__ = ["build"]
