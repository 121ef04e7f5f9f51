"""What is done to the data: labels and pixels."""

from zoo.corruptions.common import COMMON_CORRUPTIONS, CommonCorruption, commonly_corrupted
from zoo.corruptions.conditions import CORRUPTIONS, CorruptedSet, Corruption, corrupt, require_corruption
from zoo.corruptions.confusion import ClassNoise, sparse_class_noise
from zoo.corruptions.preparation import PreparedData, prepare
from zoo.corruptions.shift import ShiftOn, require_shift
from zoo.corruptions.spec import DataSpec, Unlabeled

__all__ = [
    "COMMON_CORRUPTIONS",
    "CORRUPTIONS",
    "ClassNoise",
    "CommonCorruption",
    "CorruptedSet",
    "Corruption",
    "DataSpec",
    "PreparedData",
    "ShiftOn",
    "Unlabeled",
    "commonly_corrupted",
    "corrupt",
    "prepare",
    "require_corruption",
    "require_shift",
    "sparse_class_noise",
]
