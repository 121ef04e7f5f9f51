"""Measures from outside: one file each, found by itself, with its test in tests/measures/submissions."""
