"""What every test shares: one thread each, and real data where it lies."""

import os
from pathlib import Path

import hypothesis
import pytest
import torch

torch.set_num_threads(1)  # the tests run side by side, one process a core
hypothesis.settings.register_profile("shared_cores", deadline=None)  # a busy machine is no slow example
hypothesis.settings.load_profile("shared_cores")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets that GAPBENCH_DATA names; the test skips where there is none."""
    folder = os.environ.get("GAPBENCH_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("GAPBENCH_DATA names no folder of data sets")
    return Path(folder)
