"""Tau-b in resamples of many networks, by its projection on configurations."""

from typing import Final

import numpy as np

from leaderboard.statistics.pairs import Floats, Ints, PairCounter
from leaderboard.statistics.resampling import TauBDraws

MOST_EXACT: Final = 1000  # networks whose pairs are summed again in each resample


class TauBProjection:
    r"""Approximates tau-b in each resample of configurations by its linear part, in O(n log n) steps.

    With A_c the sum of s^mu s^g over the pairs that have their first network in configuration c, U_c the number of
    those that do not tie, and A and U the same of all pairs,

    .. math:: \tau^* = \tau + \sum_c v_c h_c, \qquad
              h_c = \frac{2 A_c}{\sqrt{U^\mu U^g}} - \tau \Big(\frac{U^\mu_c}{U^\mu} + \frac{U^g_c}{U^g}\Big)

    v_c being how often c is drawn; the h_c sum to 0. What is left out falls with the number of configurations, see
    docs/statistics.md. Sources: the projection of Hoeffding 1948, doi:10.1214/aoms/1177730196; the infinitesimal
    jackknife of Efron 1982, doi:10.1137/1.9781611970319.

    Args:
        counts: how often each configuration is drawn, [count, c].
        configuration: of each network [n].
        target: g [n], finite.
    """

    def __init__(self, counts: Floats, configuration: Ints, target: Floats) -> None:
        self._counts = counts
        self._configuration = configuration
        self._upward, self._downward = PairCounter(target, {}), PairCounter(-target, {})
        self._untied_g = _untied(target)

    def of(self, scores: Floats) -> Floats:
        """Compute tau-b [count] of one measure's scores [n]; NaN in every resample if score or target is constant."""
        untied_mu, untied_g = _untied(scores), self._untied_g
        all_mu, all_g = untied_mu.sum(), untied_g.sum()
        if all_mu == 0 or all_g == 0:
            return np.full(len(self._counts), np.nan)
        agreement = (self._upward.agreement_below(scores) + self._downward.agreement_below(-scores))[:, 0]
        denominator = np.sqrt(all_mu * all_g)
        tau = agreement.sum() / denominator
        of_network = 2 * agreement / denominator - tau * (untied_mu / all_mu + untied_g / all_g)
        influence = np.bincount(self._configuration, of_network, minlength=self._counts.shape[1])
        return np.asarray(tau + self._counts @ influence, dtype=np.float64)


def tau_b_draws(counts: Floats, configuration: Ints, target: Floats) -> TauBDraws | TauBProjection:
    """Choose how tau-b is resampled: exactly for at most `MOST_EXACT` networks, by its projection for more."""
    kind = TauBDraws if len(target) <= MOST_EXACT else TauBProjection
    return kind(counts, configuration, target)


def _untied(values: Floats) -> Floats:
    """Count for each network those of another value [n]."""
    group, sizes = np.unique(values, return_inverse=True, return_counts=True)[1:]
    return np.asarray(len(values) - sizes[group], dtype=np.float64)
