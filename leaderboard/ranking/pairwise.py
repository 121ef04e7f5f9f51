"""Compare any two measures: standard error and corrected p-value of the difference of their Psi."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtri

from leaderboard.ranking.entry import Entry
from leaderboard.ranking.report import Comparisons, Power
from leaderboard.ranking.significance import networks_needed
from leaderboard.statistics.influence import Influence
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.resampling import NO_SPREAD, all_alike, normal_score


class Pairwise:
    """Collects the influences of all measures on Psi, group by group, and compares any two measures.

    Args:
        signs: the expected sign of each measure; what is compared is Psi times it.
        family: the measures to compare.
    """

    def __init__(self, signs: Mapping[str, int], family: Sequence[str]) -> None:
        self._signs = signs
        self._family = list(family)
        self._draws: dict[str, Floats] = {}
        self._spread: dict[tuple[str, str], float] = {}
        self._degrees: dict[tuple[str, str], float] = {}
        self._alike: dict[str, float] = {}

    def add(self, names: Sequence[str], influence: Influence | None, counts: Floats) -> None:
        """Add the measures of one group, which have scores for the same networks.

        Args:
            names: of the columns of the influence.
            influence: on Psi.
            counts: how often each configuration is drawn, [bootstrap, c].
        """
        places = [place for place, name in enumerate(names) if name in self._family]
        if influence is None or not places:
            return
        mine = [names[place] for place in places]
        signs = np.array([float(self._signs.get(name, 1)) for name in mine])
        turned = influence.select(np.array(places)).turn(signs)
        draws = (counts - 1) @ turned.of_configuration
        self._draws |= {name: draws[:, place] for place, name in enumerate(mine)}
        self._alike |= dict.fromkeys(mine, all_alike(counts.shape[1] // 2))
        self._degrees |= {(name, name): float(nu) for name, nu in zip(mine, turned.degrees(), strict=True)}
        for a, first in enumerate(mine):
            differences = turned.select(np.arange(a)).beside(turned.select(np.array([a])))
            spread, degrees = np.sqrt(differences.variance()), differences.degrees()
            for b, second in enumerate(mine[:a]):
                self._spread[first, second] = self._spread[second, first] = float(spread[b])
                self._degrees[first, second] = self._degrees[second, first] = float(degrees[b])

    def compare(self, psi: Mapping[str, float | None]) -> Comparisons:
        """Compare all pairs of measures whose Psi has a standard error.

        The p-values are corrected over all pairs by the single-step maximum of |z| (Westfall & Young 1993); z is the
        normal score of Student's t with the degrees of freedom of the standard error, for two measures that score
        different networks the fewer of their own, and that of `all_alike` where nothing varies.

        Args:
            psi: of each measure, raw.
        """
        names = [name for name in self._family if name in self._draws and psi.get(name) is not None]
        value = np.array([float(psi[name] or 0.0) * self._signs.get(name, 1) for name in names])
        count = len(next(iter(self._draws.values()))) if self._draws else 0
        draws = np.stack([self._draws[name] for name in names], axis=1) if names else np.zeros((count, 0))
        spread = np.full((len(names), len(names)), np.nan)
        degrees = np.ones_like(spread)
        for a, first in enumerate(names):
            for b, second in enumerate(names):
                if (first, second) in self._spread:
                    spread[a, b], degrees[a, b] = self._spread[first, second], self._degrees[first, second]
                elif a != b:
                    spread[a, b] = (draws[:, a] - draws[:, b]).std() if count else np.nan
                    degrees[a, b] = min(self._degrees[first, first], self._degrees[second, second])
        difference = value[:, None] - value
        p = np.full_like(spread, np.nan)
        if count:
            largest = np.zeros(count)
            for a in range(len(names)):
                departures = draws[:, a, None] - draws[:, :a]
                own = departures.std(axis=0)
                some = own > NO_SPREAD
                if some.any():
                    largest = np.maximum(largest, np.abs(departures[:, some] / own[some]).max(axis=1))
            far = np.abs(difference) > NO_SPREAD
            varies = spread > NO_SPREAD
            alike = np.array([self._alike[name] for name in names])
            flat = np.where(far, -ndtri(np.maximum(alike[:, None], alike) / 2), 0.0)
            t = np.divide(np.abs(difference), spread, out=np.zeros_like(spread), where=varies)
            z = np.where(varies, normal_score(t, degrees), flat)
            exceeding = count - np.searchsorted(np.sort(largest), z - 1e-9)
            p = np.where(np.isnan(spread), np.nan, (1 + exceeding) / (1 + count))
        return Comparisons(figure="Psi", names=names, standard_error=_rows(spread), p_adjusted=_rows(p))


def power_of(comparisons: Comparisons, measures: Mapping[str, Entry], names: Sequence[str]) -> Power | None:
    """Compute how many networks would distinguish the two leading measures; None with fewer than two.

    Args:
        comparisons: of any two measures.
        measures: by name.
        names: of those that may lead, best first.
    """
    known = list(comparisons.names)
    leading = [name for name in names if name in known][:2]
    if len(leading) < 2:  # noqa: PLR2004  a pair
        return None
    a, b = (known.index(name) for name in leading)
    first, second = (measures[name] for name in leading)
    difference = float((first.directed_psi or 0.0) - (second.directed_psi or 0.0))
    spread = comparisons.standard_error[a][b]
    n = min(first.n, second.n)
    return Power(
        between=leading,
        difference=difference,
        networks=n,
        networks_needed=None if spread is None else networks_needed(n, difference, spread),
    )


def _rows(matrix: Floats) -> list[list[float | None]]:
    return [[None if pd.isna(value) else float(f"{value:.4g}") for value in row] for row in matrix.tolist()]
