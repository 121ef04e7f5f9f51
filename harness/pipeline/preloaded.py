"""What the server of worker processes imports before it forks, so that they share it and start at once."""

import importlib

from measures.registry import catalog
from zoo.models.build import timm_library

timm_library()
catalog()
for name in ("harness.pipeline.workers", "sklearn.datasets"):
    importlib.import_module(name)
