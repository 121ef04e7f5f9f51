"""Import torchvision and timm where torch is a CPU build and torchvision is not.

The package index serves one torchvision wheel, compiled against CUDA. Beside a CPU build of torch its compiled
operators cannot be loaded, and from 0.28 on the import itself then fails, at the registration of a fake kernel for two
detection operators. gapbench uses none of them, so their schemas are declared and the import is tried again.
Import timm and torchvision after this module.
"""

import importlib

import torch

DETECTION_OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

try:
    import torchvision  # noqa: F401  the import is the test
except RuntimeError as error:
    if "torchvision::" not in str(error):
        raise
    _library = torch.library.Library("torchvision", "FRAGMENT")  # lives as long as the module
    for _schema in DETECTION_OPERATORS:
        _library.define(_schema)
    importlib.import_module("torchvision")
