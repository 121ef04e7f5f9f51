"""Which images of a data set a network is trained on."""

import torch
from torch import Tensor

from zoo.seeds import generator


def stratified_subset(labels: Tensor, size: int, *names: object) -> Tensor:
    """Indices [size], ascending, of a draw that keeps the proportions of the classes.

    Each class is put in random order, its r-th image (r = 0, 1, ...) gets the key (2r + 1) / n_c, n_c the size of the
    class, and the images with the smallest keys are taken: Sainte-Laguë's apportionment. The first of each class is
    taken before any other, ties are broken by a random order of the classes. Hence:

    - where size * n_c / n is whole for each class, that is exactly the number of its images;
    - each class is present;
    - with the same names a smaller subset lies within a larger one.

    Args:
        labels: int64 [n]; true labels, so that the draw does not depend on their corruption.
        size: how many, from the number of classes to n.
        names: seed the draw.

    Raises:
        ValueError: a size below the number of classes that occur or above n.
    """
    present, counts = labels.unique(return_counts=True)
    if not len(present) <= size <= len(labels):
        raise ValueError(
            f"The size of a stratified subset must lie between the {len(present)} classes and {len(labels)} images; "
            f"got {size}."
        )
    draw = generator(*names, "stratified_subset")
    members, keys = [], []
    for place in torch.randperm(len(present), generator=draw).tolist():
        own = (labels == present[place]).nonzero().flatten()
        count = int(counts[place])
        members.append(own[torch.randperm(count, generator=draw)])
        key = (2 * torch.arange(count, dtype=torch.float64) + 1) / count
        key[0] = 0
        keys.append(key)
    order = torch.cat(keys).argsort(stable=True)
    return torch.cat(members)[order[:size]].sort().values
