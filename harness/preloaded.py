"""What the server of worker processes imports before it forks, so that they share it and start at once."""

import importlib

from measures.catalog import in_the_box
from zoo.models import timm_library

timm_library()
in_the_box()
for name in ("harness.work", "sklearn.datasets"):
    importlib.import_module(name)
