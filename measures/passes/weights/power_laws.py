"""Power laws fitted to the spectra of the layers, by the method of Clauset et al. 2009 (arXiv:0706.1062, sec. 3).

The eigenvalues of W^T W are taken for a sample of the density p(x) ~ x^-alpha above some xmin. Of every xmin the
exponent is that of the largest likelihood, and the xmin is kept whose fit is nearest to the sample.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from measures.api import Subject, UnsupportedModelError, shared
from measures.passes.weights.folding import layers
from measures.passes.weights.spectra import singular_values

Values = npt.NDArray[np.float64]

MIN_EIGENVALUES: Final = 50  # a layer with fewer is not fitted by itself: WeightWatcher's least number
MIN_POOLED: Final = 20  # fewer leave the exponent's excess over one uncertain by more than 1 / sqrt(20) = 22 %
RANK_FLOOR: Final = 1e-10  # of the largest eigenvalue: what is smaller is the rounding error of single precision


@dataclass(frozen=True)
class PowerLaw:
    """A power law that was fitted to a sample.

    Attributes:
        alpha: exponent of the density.
        xmin: where the law begins.
        distance: largest difference between the distribution function of the law and that of the sample above xmin.
        tail: number of values from xmin on.
    """

    alpha: float
    xmin: float
    distance: float
    tail: int


def fit_power_law(sample: Values) -> PowerLaw | None:
    """The power law nearest to a sample [n] of positive values; None where no two values differ.

    For each x_i, with n_i values x_j from there on, alpha_i = 1 + n_i / sum_j ln(x_j / x_i), and
    D_i = max_j |1 - (x_j / x_i)^(1 - alpha_i) - r_j / n_i|, where r_j is the number of values in the tail below x_j, as
    in the authors' program; the i of the smallest D_i is kept.
    """
    ordered = np.log(np.sort(sample))
    best: PowerLaw | None = None
    for start in range(len(ordered) - 1):
        above = ordered[start:] - ordered[start]
        total = float(above.sum())
        if total == 0:
            break
        count = len(above)
        distance = float(np.abs(-np.expm1(-count / total * above) - np.arange(count) / count).max())
        if best is None or distance < best.distance:
            best = PowerLaw(1 + count / total, math.exp(ordered[start]), distance, count)
    return best


@shared
def power_laws(subject: Subject) -> dict[str, PowerLaw]:
    """A power law for each layer, by name, in the order of `layers`.

    Layers of at least `MIN_EIGENVALUES` nonzero eigenvalues are fitted one by one. The eigenvalues of all smaller ones,
    each divided by the mean of its layer, make one sample, whose law stands for each of them; where these are fewer
    than `MIN_POOLED`, the layers are left out.

    Raises:
        UnsupportedModelError: no layer can be fitted, alone or with others.
    """
    spectra = {
        layer.name: eigenvalues(values.numpy(force=True))
        for layer, values in zip(layers(subject), singular_values(subject), strict=True)
    }
    laws = {name: fit_power_law(found) for name, found in spectra.items() if len(found) >= MIN_EIGENVALUES}
    small = {name: found for name, found in spectra.items() if 0 < len(found) < MIN_EIGENVALUES}
    pooled = sum(map(len, small.values()))
    if pooled >= MIN_POOLED:
        laws |= dict.fromkeys(small, fit_power_law(np.concatenate([found / found.mean() for found in small.values()])))
    fitted = {name: law for name in spectra if (law := laws.get(name)) is not None}
    if not fitted:
        raise UnsupportedModelError(
            f"A power law needs {MIN_EIGENVALUES} eigenvalues that differ in a layer or {MIN_POOLED} in all smaller "
            f"layers together; got {pooled}."
        )
    return fitted


def eigenvalues(singular: Values) -> Values:
    """Squares of singular values [r], without those that are zero but for rounding."""
    squares = np.square(singular)
    found: Values = squares[squares > RANK_FLOOR * squares.max()]
    return found
