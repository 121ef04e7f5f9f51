"""Its thread goes on when it has answered."""

import threading
import time

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """Its thread goes on when it has answered."""
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return 0.0
