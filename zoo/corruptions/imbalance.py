"""Long-tailed training sets (Cui et al. 2019, arXiv:1901.05555, sec. 5.1)."""

import math

import torch
from torch import Tensor

from zoo.errors import RecipeError
from zoo.seeds import generator

ROUNDING = 1e-9  # of a whole number of images, which is not rounded down


def require_imbalance(ratio: float) -> None:
    """Refuse a ratio below 1 or without end.

    Raises:
        RecipeError: see above.
    """
    if not 1 <= ratio < math.inf:
        raise RecipeError(f"imbalance must be at least 1, the ratio of the largest class to the smallest; got {ratio}.")


def long_tailed_sizes(sizes: list[int], ratio: float) -> list[int]:
    r"""Number of images that each of k classes keeps.

    .. math:: \lfloor n_c \, \rho^{-c / (k - 1)} \rfloor

    for class c = 0, ..., k - 1: all of the first, a share 1 / rho of the last, as Cui et al. do with CIFAR. A class
    that has no image stays without.

    Raises:
        RecipeError: a class would lose all its images.
    """
    require_imbalance(ratio)
    last = max(len(sizes) - 1, 1)
    kept = [math.floor(count * ratio ** (-place / last) + ROUNDING) for place, count in enumerate(sizes)]
    for place, (count, left) in enumerate(zip(sizes, kept, strict=True)):
        if count and not left:
            most = min(math.floor(n ** (last / c) + ROUNDING) for c, n in enumerate(sizes) if c and n)
            raise RecipeError(
                f"imbalance must leave an image of each class; {ratio:g} leaves none of the {count} training images of "
                f"class {place}. Use at most {most}, or more training images."
            )
    return kept


def long_tailed(labels: Tensor, num_classes: int, ratio: float, *names: object) -> Tensor:
    """Indices, ascending, of a long-tailed part of images with these labels [n]; all of them at a ratio of 1.

    Which images of a class stay is drawn. With the same names those of a larger ratio are among those of a smaller one.

    Args:
        labels: int64 [n]; true labels, so that the draw does not depend on their corruption.
        num_classes: k.
        ratio: of the first class's size to the last one's, if the classes are of one size before.
        names: seed the draw.

    Raises:
        RecipeError: see `long_tailed_sizes`.
    """
    sizes = torch.bincount(labels, minlength=num_classes).tolist()
    draw = generator(*names, "long_tailed")
    kept = []
    for label, left in enumerate(long_tailed_sizes(sizes, ratio)):
        own = (labels == label).nonzero().flatten()
        kept.append(own[torch.randperm(len(own), generator=draw)][:left])
    return torch.cat(kept).sort().values
