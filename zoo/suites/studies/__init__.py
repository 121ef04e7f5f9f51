"""Suites that stage published findings, one module a study."""
