"""What the server of worker processes imports before it forks, so that they share it and start at once."""

import importlib

from measures.registry import in_the_box
from zoo.models.build import timm_library

timm_library()
in_the_box()
for name in ("harness.pipeline.workers", "sklearn.datasets"):
    importlib.import_module(name)
