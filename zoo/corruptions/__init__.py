"""What is done to the data: labels and pixels."""

from zoo.corruptions.conditions import (
    CORRUPTIONS,
    CorruptedSet,
    Corruption,
    PreparedData,
    corrupt,
    prepare,
    require_corruption,
)

__all__ = [
    "CORRUPTIONS",
    "CorruptedSet",
    "Corruption",
    "PreparedData",
    "corrupt",
    "prepare",
    "require_corruption",
]
