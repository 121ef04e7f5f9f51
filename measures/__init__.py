"""Complexity measures of trained networks: `score` a network of your own, or declare a new `measure`."""

from measures.api import Measure, Subject, UnsupportedModel, measure, shared
from measures.scoring import Score, score

__all__ = ["Measure", "Score", "Subject", "UnsupportedModel", "measure", "score", "shared"]
