"""The line on skipped tests at the end of a run."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType, SimpleNamespace

TESTS = Path(__file__).parent
DATA = "GAPBENCH_DATA names no folder of data sets"
BROWSER = "there is no chromium on the path"


def conftest() -> ModuleType:
    """The module of hooks that all tests share."""
    spec = importlib.util.spec_from_file_location("shared_conftest", TESTS / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines_after(*reasons: str) -> list[str]:
    """What is written at the end of a run whose tests were skipped for these reasons."""
    reports = [SimpleNamespace(longrepr=("test_it.py", 1, f"Skipped: {reason}")) for reason in reasons]
    lines: list[str] = []
    reporter = SimpleNamespace(stats={"skipped": reports} if reports else {}, write_line=lines.append)
    hook = conftest().pytest_terminal_summary(reporter)
    next(hook)
    assert lines == [], "the line comes after pytest's own summary"
    assert next(hook, None) is None
    return lines


def test_a_run_ends_with_one_line_on_what_to_install() -> None:
    """Skips for other reasons are not counted."""
    (line,) = lines_after(DATA, BROWSER, "for another reason", BROWSER)
    assert line == (
        "Tests skipped: 3. To run them, install Chromium (apt-get install chromium) for 2, a data set "
        "(gapbench download cifar10 --data-dir DIR; export GAPBENCH_DATA=DIR) for 1."
    )


def test_a_run_without_such_skips_has_no_such_line() -> None:
    """Whatever else is skipped."""
    assert lines_after() == lines_after("for another reason") == []


def test_every_reason_is_one_that_a_test_gives() -> None:
    """A reworded skip would otherwise drop out of the line."""
    others = [path.read_text() for path in TESTS.rglob("*.py") if path.parent != TESTS]
    reasons = set(conftest().INSTALL) - {DATA}
    assert len(reasons) == 4
    for reason in reasons:
        assert any(re.search(f'"{re.escape(reason)}"', text) for text in others), reason
