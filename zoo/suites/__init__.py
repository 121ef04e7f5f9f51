"""Suites of networks to train, one module a suite."""
