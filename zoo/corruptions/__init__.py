"""Corrupt the labels and pixels of a data set."""

from zoo.corruptions.common import COMMON_CORRUPTIONS, CommonCorruption, apply_common_corruption
from zoo.corruptions.conditions import CORRUPTIONS, CorruptedSet, Corruption, corrupt, require_corruption
from zoo.corruptions.confusion import ClassNoise, sparse_class_noise
from zoo.corruptions.preparation import PreparedData, prepare, require_fit
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
    "apply_common_corruption",
    "corrupt",
    "prepare",
    "require_corruption",
    "require_fit",
    "require_shift",
    "sparse_class_noise",
]
