"""Test that `import leaderboard` loads nothing that only a view or a study needs."""

import subprocess
import sys

PROGRAM = """
import sys, leaderboard
heavy = {"torch", "sklearn", "plotly", "jinja2", "matplotlib", "rich", "scipy.stats"} & set(sys.modules)
sys.exit(", ".join(sorted(heavy)) or 0)
"""


def test_the_library_loads_no_heavy_package() -> None:
    """Pandas and scipy.special take nearly all of the time."""
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stderr) == (0, "")
