"""It changes what torch computes."""

import torch

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It changes what torch computes."""
    torch.Tensor.square = lambda tensor: tensor * 0  # type: ignore[assignment,method-assign]
    torch.set_default_dtype(torch.float64)
    return 0.0
