"""Complexity measures of trained networks: `score` a network of your own, or declare a new `measure`."""

from measures.api import Measure, Subject, UnsupportedModelError, measure, shared
from measures.errors import MeasuresError
from measures.per_layer import Layered, layer_sum
from measures.scores import Score
from measures.scoring import score

__all__ = [
    "Layered",
    "Measure",
    "MeasuresError",
    "Score",
    "Subject",
    "UnsupportedModelError",
    "layer_sum",
    "measure",
    "score",
    "shared",
]
