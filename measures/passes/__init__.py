"""Shared passes over a network and its data, each run once for all measures."""
