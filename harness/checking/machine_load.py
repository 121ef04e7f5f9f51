"""Load of the machine, which decides whether what ran out of time was slow."""

import os
from typing import Final

BUSY: Final = 2.0  # running processes a core: a check by itself has one


def describe_load() -> str:
    """Say how busy the machine is if it has more to do than the check; empty otherwise."""
    if not hasattr(os, "getloadavg"):
        return ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    return f"a load of {load:.0f} on {cores} cores" if load > BUSY * cores else ""
