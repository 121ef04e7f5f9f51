"""It sleeps, and blocks all signals."""

import signal
import time

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It sleeps, and blocks all signals."""
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    time.sleep(1e6)
    return 0.0
