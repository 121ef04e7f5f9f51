"""It runs another program."""

import subprocess

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It runs another program."""
    return float(subprocess.run(["/bin/true"], check=True).returncode)
