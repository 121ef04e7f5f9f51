"""Data sets in memory, and the classes and images of them that a recipe selects."""
