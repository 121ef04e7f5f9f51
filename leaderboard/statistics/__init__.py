"""Ranking statistics, each in a module of its name."""
