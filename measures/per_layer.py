"""Scores that are sums or products over layers."""

import math
from collections.abc import Mapping
from typing import Self


class Layered(float):
    """A score that is a sum or a product over layers, with what each layer gives to it.

    Args:
        score: the number that the measure returns.
        layers: the term or factor of each layer, by the name of its module.
    """

    layers: Mapping[str, float]

    def __new__(cls, score: float, layers: Mapping[str, float]) -> Self:
        """The score as a float that also has `layers`."""
        made = super().__new__(cls, score)
        made.layers = dict(layers)
        return made


def layer_sum(layers: Mapping[str, float]) -> Layered:
    """The sum of the terms of the layers, as a score that keeps them."""
    return Layered(math.fsum(layers.values()), layers)
