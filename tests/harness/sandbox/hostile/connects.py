"""It opens a socket."""

import socket

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It opens a socket."""
    with socket.create_connection(("127.0.0.1", int("@PORT@")), timeout=2) as connection:
        connection.sendall(b"labels")
    return 0.0
