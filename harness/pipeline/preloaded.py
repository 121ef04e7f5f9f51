"""Imports of the server of worker processes, so that its forks share them and start at once."""

import importlib

from measures.registry import catalog
from zoo.models.timm_names import timm_library

timm_library()
catalog()
for name in ("harness.pipeline.workers", "sklearn.datasets"):
    importlib.import_module(name)
