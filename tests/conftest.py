"""What every test shares: one thread each, and real data where it lies."""

import os
from collections.abc import Iterator
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


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What timings choose in the tests is forgotten after them, in processes that they start, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAPBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
