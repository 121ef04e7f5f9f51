"""Complexity measures of trained networks: `score` a network, or declare a new `measure`."""

from measures.api import Measure, Subject, UnsupportedModelError, measure, shared
from measures.cost_estimates import CostEstimate
from measures.errors import MeasuresError
from measures.per_layer import Layered, layer_sum
from measures.scores import Score
from measures.scoring import estimate, score

__all__ = [
    "CostEstimate",
    "Layered",
    "Measure",
    "MeasuresError",
    "Score",
    "Subject",
    "UnsupportedModelError",
    "estimate",
    "layer_sum",
    "measure",
    "score",
    "shared",
]
