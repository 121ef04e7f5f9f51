"""It changes the network, and says before that nothing was changed."""

import contextlib
import os

import torch

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(subject: Subject) -> float:
    """It changes the network, and says before that nothing was changed."""
    for descriptor in range(256):
        with contextlib.suppress(OSError):
            os.write(descriptor, b'{"end": []}\n')
    with torch.no_grad():
        next(iter(subject.params.values())).zero_()
    return 0.0
