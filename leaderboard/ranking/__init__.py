"""Rank the measures of a ledger."""
