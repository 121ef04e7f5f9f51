"""Claims of Jiang et al. 2020: rank correlations of measures with the generalization gap."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.claim import (
    NO_NETWORK,
    NOT_COMPUTED,
    Claim,
    Evidence,
    Finding,
    Range,
    draw_clusters,
    finding_of,
)
from leaderboard.claims.effects import rank_correlation
from leaderboard.claims.figure import Figure, Series, dots
from leaderboard.statistics.pairs import Floats, Ints
from leaderboard.statistics.resampling import TauBDraws

SOURCE: Final = "Jiang et al. 2020, arXiv:1912.02178, table 1 and app. tables"
STUDY: Final = "jiang"
TAU: Final = {
    "vc_dim": -0.251, "params": -0.175, "inverse_margin": 0.124, "neg_entropy": 0.148, "cross_entropy": 0.149,
    "fro_dist": -0.263, "spec_orig_main": -0.537, "param_norm": 0.073, "path_norm": 0.373, "fisher_rao": 0.078,
    "sharpness_orig": 0.400, "pacbayes_orig": 0.293, "sharpness_mag_flatness": 0.484, "pacbayes_mag_flatness": 0.365,
    "steps_to_0_1": -0.264, "steps_0_1_to_0_01": -0.088, "grad_noise_final": 0.311,
}  # fmt: skip  # published tau of measures in this catalogue
SHARPNESS: Final = ("sharpness_orig", "pacbayes_orig", "sharpness_mag_flatness", "pacbayes_mag_flatness")
Taus = Mapping[str, float]

NORMS: Final = ("fro_dist", "spec_orig_main", "param_norm")


def _over_configurations(evidence: Evidence, statistic: Callable[[Taus], float]) -> Finding:
    """Bootstrap a statistic of the taus of the networks that converged, over settings of the hyperparameters."""
    ledger = evidence.ledger[evidence.ledger["converged"].astype(bool)]
    if ledger.empty:
        return NO_NETWORK
    settings = [name for name in ledger.columns if name.startswith("hp.")]
    setting: Ints = ledger.groupby(settings, dropna=False).ngroup().to_numpy().astype(np.int64)
    count = int(setting.max()) + 1
    chosen = draw_clusters(count)
    counts = np.stack([np.ones(count), *(np.bincount(draw, minlength=count) for draw in chosen)])
    effect, *drawn = (statistic(taus) for taus in taus_of(ledger, setting, counts))
    if not math.isfinite(effect):
        return Finding(None, None, None, len(ledger), NOT_COMPUTED)
    return finding_of(effect, drawn, len(ledger))


def taus_of(ledger: pd.DataFrame, setting: Ints, counts: Floats) -> list[Taus]:
    """Compute tau-b of the measures that all networks have, in each resample; none where it or the gap is constant."""
    columns = {name: ledger.get(f"measure.{name}") for name in TAU}
    scores = {name: column.to_numpy(dtype=float) for name, column in columns.items() if column is not None}
    draws = TauBDraws(counts, setting, ledger["gap"].to_numpy(dtype=float))
    taus = {name: draws.of(own) for name, own in scores.items() if np.isfinite(own).all()}
    return [
        {name: float(tau[place]) for name, tau in taus.items() if np.isfinite(tau[place])}
        for place in range(len(counts))
    ]


def _tau(evidence: Evidence, name: str) -> Finding:
    return _over_configurations(evidence, lambda taus: taus.get(name, float("nan")))


def _lead(evidence: Evidence) -> Finding:
    return _over_configurations(evidence, lambda taus: _mean(taus, SHARPNESS) - _mean(taus, NORMS))


def _mean(taus: Taus, names: Sequence[str]) -> float:
    return float(np.mean([taus.get(name, np.nan) for name in names]))


def _order(evidence: Evidence) -> Finding:
    """Correlate, over measures, the ranks of the published tau and of the one here."""
    return _over_configurations(
        evidence, lambda taus: rank_correlation([TAU[name] for name in taus], list(taus.values()))
    )


def _sign(name: str, measure: str, what: str) -> Claim:
    rises = TAU[measure] > 0
    return Claim(
        study=STUDY,
        name=name,
        statement=f"{what} {'rises' if rises else 'falls'} with the generalization gap.",
        source=SOURCE,
        published=f"tau {TAU[measure]:+.3f}",
        unit="tau",
        holds=Range(low=0) if rises else Range(high=0),
        test=partial(_tau, name=measure),
    )


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger[evidence.ledger["converged"].astype(bool)]
    parts = {"sharpness": SHARPNESS, "norms": NORMS}
    rest = tuple(name for name in TAU if name not in SHARPNESS + NORMS)
    (taus,) = taus_of(ledger, np.arange(len(ledger)), np.ones((1, len(ledger))))
    return [
        dots(what, [TAU[name] for name in names], [taus.get(name, float("nan")) for name in names])
        for what, names in (parts | {"others": rest}).items()
    ]


FIGURE: Final = Figure(x="published tau", y="tau here", series=_series, diagonal=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="sharpness_leads",
        statement="Sharpness measures correlate better with the gap than norms and distances.",
        source=SOURCE,
        published=(
            f"mean tau {np.mean([TAU[name] for name in SHARPNESS]):.3f} of four, "
            f"{np.mean([TAU[name] for name in NORMS]):.3f} of three norms"
        ),
        unit="tau, sharpness minus norms",
        holds=Range(low=0),
        test=_lead,
    ),
    _sign("spectral_norms_mislead", "spec_orig_main", "The spectral complexity"),
    _sign("magnitude_aware_sharpness_works", "sharpness_mag_flatness", "Magnitude-aware sharpness"),
    _sign("path_norm_works", "path_norm", "The path norm"),
    _sign("final_gradient_noise_works", "grad_noise_final", "The variance of gradients at the end"),
    _sign("parameters_mislead", "params", "The number of parameters"),
    Claim(
        study=STUDY,
        name="measures_rank_alike",
        statement="Measures that do well in the paper do well here.",
        source=SOURCE,
        published="17 measures by tau",
        unit="rank correlation over measures",
        holds=Range(low=0),
        test=_order,
    ),
)
