"""Print JSON for the next program: one line, unwrapped, with the version of its schema."""

import json
from collections.abc import Mapping

SCHEMA = 1  # of the facts below; raised when a key changes its meaning or goes


def print_json(facts: Mapping[str, object]) -> None:
    """Print facts as one line of JSON that begins with `schema`, that of the facts if they have one.

    Raises:
        ValueError: a number is not finite.
    """
    print(json.dumps({"schema": SCHEMA, **facts}, allow_nan=False))  # noqa: T201  rich would wrap it
