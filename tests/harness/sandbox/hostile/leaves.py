"""It ends its process as if all were well."""

import os

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It ends its process as if all were well."""
    os._exit(0)
