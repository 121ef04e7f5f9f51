"""It asks for more memory than there is."""

import torch

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It asks for more memory than there is."""
    return float(torch.zeros(1 << 40).sum())
