"""Turns a ledger into a ranking."""
