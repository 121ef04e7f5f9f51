"""It sends without connecting."""

import socket

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It sends without connecting."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        return float(sender.sendto(b"labels", ("127.0.0.1", int("@PORT@"))))
