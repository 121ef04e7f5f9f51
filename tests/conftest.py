"""Shared fixtures and settings of all tests: one thread each, and real data where it is available."""

import os
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import hypothesis
import pytest
import torch

NO_DATA: Final = "GAPBENCH_DATA names no folder of data sets"
INSTALL: Final = {
    "there is no chromium on the path": "Chromium (apt-get install chromium)",
    "bubblewrap is not installed or does not work here": "bubblewrap (apt-get install bubblewrap)",
    NO_DATA: "a data set (gapbench download cifar10 --data-dir DIR; export GAPBENCH_DATA=DIR)",
    "Ray is not installed": "Ray (pip install ray)",
    "g++ is not installed": "g++ (apt-get install g++)",
}  # by the reason of a skip: what to install for the test to run

torch.set_num_threads(1)  # the tests run side by side, one process a core
hypothesis.settings.register_profile("shared_cores", deadline=None)  # a busy machine is no slow example
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000)
hypothesis.settings.load_profile("shared_cores")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """End the summary with one line on what to install for skipped tests to run."""
    yield
    reasons = [str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])]
    skipped = Counter(INSTALL[said] for reason in reasons if (said := reason.removeprefix("Skipped: ")) in INSTALL)
    if skipped:
        wanted = ", ".join(f"{what} for {count}" for what, count in skipped.most_common())
        terminalreporter.write_line(f"Tests skipped: {skipped.total()}. To run them, install {wanted}.")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data sets that GAPBENCH_DATA names; the test skips where there is none."""
    folder = os.environ.get("GAPBENCH_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip(NO_DATA)
    return Path(folder)


@pytest.fixture(scope="session", autouse=True)
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What timings choose in the tests is forgotten after them, in processes that they start, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAPBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
