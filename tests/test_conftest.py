"""The line on skipped tests at the end of a run."""

import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
OTHER = """
import pytest
def test_other(): pytest.skip("for another reason")
"""
SKIPS = f"""{OTHER}
def test_data(data_dir): pass
@pytest.mark.parametrize("n", range(2))
def test_browser(n): pytest.skip("there is no chromium on the path")
"""


def run(tmp_path: Path, code: str) -> list[str]:
    """The lines that pytest prints on tests beside the project's conftest.py."""
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text())
    (tmp_path / "test_it.py").write_text(code)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -ra -p no:cacheprovider\n")
    command = [sys.executable, "-m", "pytest", "-q", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_run_ends_with_one_line_on_what_to_install(tmp_path: Path) -> None:
    """Just before pytest's count; skips for other reasons are not counted."""
    *_, line, count = run(tmp_path, SKIPS)
    assert line == (
        "3 tests were skipped. To run them, install Chromium (apt-get install chromium) for 2, a data set "
        "(gapbench download cifar10 --data-dir DIR; export GAPBENCH_DATA=DIR) for 1."
    )
    assert count.startswith("4 skipped")


def test_a_run_without_such_skips_has_no_such_line(tmp_path: Path) -> None:
    """Whatever else is skipped."""
    assert not any(
        "install" in line
        for line in run(tmp_path, SKIPS[SKIPS.index("def test_other") :].join(["import pytest\n", ""]))
    )


def test_every_reason_is_one_that_a_test_gives() -> None:
    """A reworded skip would otherwise drop out of the line."""
    reasons = re.findall(r'^    "(.*)": "', (TESTS / "conftest.py").read_text(), re.MULTILINE)
    others = [path.read_text() for path in TESTS.rglob("*.py") if path.parent != TESTS]
    assert len(reasons) == 4
    for reason in reasons:
        assert any(f'"{reason}"' in text for text in others), reason
