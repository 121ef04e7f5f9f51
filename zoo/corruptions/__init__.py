"""What is done to the data: labels and pixels."""

from zoo.corruptions.common import COMMON_CORRUPTIONS, CommonCorruption, commonly_corrupted
from zoo.corruptions.conditions import (
    CORRUPTIONS,
    CorruptedSet,
    Corruption,
    PreparedData,
    corrupt,
    prepare,
    require_corruption,
)
from zoo.corruptions.shift import ShiftOn, require_shift

__all__ = [
    "COMMON_CORRUPTIONS",
    "CORRUPTIONS",
    "CommonCorruption",
    "CorruptedSet",
    "Corruption",
    "PreparedData",
    "ShiftOn",
    "commonly_corrupted",
    "corrupt",
    "prepare",
    "require_corruption",
    "require_shift",
]
