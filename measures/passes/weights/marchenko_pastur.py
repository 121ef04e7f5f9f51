"""Marchenko-Pastur edge and Tracy-Widom threshold of random matrices.

Of a matrix [M, N], M <= N, of independent entries of variance v, the eigenvalues of W W^T fill an interval that ends at
v (sqrt(N) + sqrt(M))^2; the largest exceeds it by a Tracy-Widom variable (Johnstone 2001, Annals of Statistics 29(2)).
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

TRACY_WIDOM_99: Final = 2.0234  # 99th percentile of the Tracy-Widom law of real matrices (Johnstone 2001, table 1)

Values = npt.NDArray[np.float64]


def edge(rows: int, columns: int, variance: float) -> float:
    """Right edge of the Marchenko-Pastur spectrum of W W^T."""
    return variance * math.pow(math.sqrt(rows) + math.sqrt(columns), 2)


def threshold(rows: int, columns: int, variance: float) -> float:
    """99th percentile of the largest eigenvalue of W W^T of a random matrix."""
    low, high = math.sqrt(min(rows, columns)), math.sqrt(max(rows, columns) - 1)
    spread = (high + low) * math.cbrt(1 / low + (1 / high if high else 0))
    return variance * ((high + low) * (high + low) + TRACY_WIDOM_99 * spread)


def bulk_variance(squares: Values, columns: int) -> float:
    """Variance of the entries of a matrix [M, N] whose spikes are left out, from the eigenvalues [M] of W W^T.

    The mean eigenvalue over N is the variance of the entries; eigenvalues above the threshold for it are taken away,
    which lowers it, until none is above.
    """
    rows = len(squares)
    left = np.sort(squares)
    while True:
        variance = float(left.mean()) / columns
        below = left[left <= threshold(rows, columns, variance)]
        if len(below) == len(left):
            return variance
        left = below
