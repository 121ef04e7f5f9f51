"""Claims of Kaplun et al. 2022: accuracy on single test images against the accuracy of networks."""

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.claims.claim import Claim, Evidence, Finding, Range, bootstrap
from leaderboard.claims.effects import mean_or_nan
from leaderboard.claims.figure import Figure, Point, Series

SOURCE: Final = "Kaplun et al. 2022, arXiv:2202.09931"
STUDY: Final = "profiles"
NEGATIVE: Final = -1.645  # a point counts as negative in one half of the seeds if 5 % of independent ones would

Floats = NDArray[np.float64]


def profile_correlations(right: Floats, accuracy: Floats) -> Floats:
    """Correlate [m], over networks, being right on a test image, right [n, m], with test accuracy [n].

    NaN for images on which all networks are right or all are wrong.
    """
    x, y = right - right.mean(0), accuracy - accuracy.mean()
    scale = np.sqrt((x**2).sum(0) * (y**2).sum())
    return np.asarray(np.divide(y @ x, scale, out=np.full(x.shape[1], np.nan), where=scale > 0))


def _halves(evidence: Evidence) -> tuple[pd.DataFrame, Floats, Floats]:
    """Return a table of networks, right [n, m] and accuracy [n] on the test images."""
    runs = evidence.ledger["run_id"].tolist()
    predictions = np.array([evidence.arrays["test_predictions"][run] for run in runs])
    right = (predictions == np.array([evidence.arrays["test_labels"][run] for run in runs])).astype(float)
    rows = pd.DataFrame({"seed": evidence.ledger["seed"].to_numpy(), "row": range(len(runs))})
    return rows, right, right.mean(1)


def _compatible(evidence: Evidence) -> Finding:
    rows, right, accuracy = _halves(evidence)

    def share(drawn: pd.DataFrame) -> float:
        chosen = drawn["row"].to_numpy()
        found = profile_correlations(right[chosen], accuracy[chosen])
        return mean_or_nan(found[np.isfinite(found)] > 0)

    return bootstrap(rows, share, by=["seed"])


def _negative(evidence: Evidence) -> Finding:
    """Pick points that are negative for even seeds, average their correlation for odd seeds, and vice versa.

    The correlation r of a point over n networks is tested by itself: z = r sqrt(n).
    """
    rows, right, accuracy = _halves(evidence)
    odd = rows["seed"].to_numpy() % 2 == 1
    found = []
    for chosen in (odd, ~odd):
        here, there = (profile_correlations(right[side], accuracy[side]) for side in (~chosen, chosen))
        points = np.flatnonzero((here * np.sqrt((~chosen).sum()) <= NEGATIVE) & np.isfinite(there))
        found += [(point, there[point]) for point in points]
    table = pd.DataFrame(found, columns=["image", "correlation"])
    mean = bootstrap(table, lambda drawn: float(drawn["correlation"].to_numpy().mean()), by=["image"])
    return replace(mean, networks=len(rows))


def _series(evidence: Evidence) -> list[Series]:
    _, right, accuracy = _halves(evidence)
    found = profile_correlations(right, accuracy)
    counts, edges = np.histogram(found[np.isfinite(found)], bins=20, range=(-1, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    points = [Point(float(m), float(c), float(c), float(c)) for m, c in zip(middles, counts, strict=True)]
    return [Series("test images", points)]


FIGURE: Final = Figure(x="correlation of being right with accuracy", y="test images", series=_series)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="most_points_are_compatible",
        statement="On most test images better networks are right more often.",
        source=f"{SOURCE}, abstract",
        published="many points whose profile rises with the accuracy of the network",
        unit="share of the test images on which networks differ",
        holds=Range(low=0.5),
        test=_compatible,
    ),
    Claim(
        study=STUDY,
        name="negative_points_exist",
        statement="On some test images better networks are right less often; this also holds for fresh networks.",
        source=f"{SOURCE}, abstract",
        published="points, and a set of them (CIFAR-10-NEG), on which better networks do worse",
        unit="correlation for fresh networks on the selected images",
        holds=Range(high=0),
        test=_negative,
    ),
)
