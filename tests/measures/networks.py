"""The networks that every measure is tested on: those that `gapbench check` holds a submission to."""

from harness.checking.networks import (
    ARCHITECTURES,
    NUM_CLASSES,
    NUM_EXAMPLES,
    STEPS,
    Network,
    mlp,
    network,
    straight_way,
    trained,
)

__all__ = [
    "ARCHITECTURES",
    "NUM_CLASSES",
    "NUM_EXAMPLES",
    "STEPS",
    "Network",
    "mlp",
    "network",
    "straight_way",
    "trained",
]
