"""It starts threads without end."""

import threading
import time

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It starts threads without end."""
    while True:
        threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()
