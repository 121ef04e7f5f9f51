"""Claims of Dziugaite et al. 2020: sign errors of measures, on average and in the worst environment."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range, bootstrap
from leaderboard.claims.effects import mean_or_nan, rank_correlation
from leaderboard.claims.figure import Figure, Series, dots
from leaderboard.statistics.sign_error import (
    EFFECTIVE_NUMBER,
    Enough,
    SignError,
    environment_losses,
    environments_of,
    sign_error,
)
from leaderboard.statistics.undefined import UndefinedError

SOURCE: Final = "Dziugaite et al. 2020, arXiv:2010.11924"
STUDY: Final = "dziugaite"
MEAN_ERROR: Final = {
    "pacbayes_orig": 0.0972, "pacbayes_flatness": 0.1024, "pacbayes_init": 0.1062, "path_norm_over_margin": 0.1217,
    "pacbayes_mag_flatness": 0.1261, "path_norm": 0.1274, "fro_dist": 0.1404, "sum_of_fro": 0.1616,
    "param_norm": 0.1788, "sum_of_fro_over_margin": 0.1857, "prod_of_fro_over_margin": 0.2986, "prod_of_fro": 0.3013,
    "sum_of_spec_fft": 0.3034, "fro_over_spec_fft": 0.3115, "inverse_margin": 0.3296,
    "sum_of_spec_over_margin_fft": 0.3349, "dist_spec_init_fft": 0.3746, "pacbayes_mag_orig": 0.4071,
    "pacbayes_mag_init": 0.4173, "params": 0.4334, "spec_orig_main_fft": 0.5506, "spec_init_main_fft": 0.5614,
    "prod_of_spec_fft": 0.5965, "prod_of_spec_over_margin_fft": 0.6185,
}  # fmt: skip  # over the paper's 9,242 environments; the order of a logarithm is that of its argument
AXES: Final = ("dataset", "learning_rate", "depth", "width", "train_size")
COMPLETE: Final = 1 - 1e-9

Errors = Mapping[str, SignError]


def sign_errors(rows: pd.DataFrame) -> dict[str, SignError]:
    """Compute weighted sign errors of the paper's measures that every network has; none if nothing can be compared.

    Weights are exact binomial ones: with 500 test images, Hoeffding's bound, which the paper uses with 10,000, would
    give no pair any weight. An environment needs an effective number of 12 pairs, as published, if two settings with
    all their seeds have so many; the three seeds of the small size have nine, and need 0.12 of them.
    """
    seeds = rows.groupby([f"hp.{axis}" for axis in AXES]).size().max()
    enough: Enough = "published" if seeds**2 >= EFFECTIVE_NUMBER else "share"
    levels = {axis: pd.factorize(rows[f"hp.{axis}"])[0].astype(np.int64) for axis in AXES}
    gap, accuracy, size = (rows[name].to_numpy(dtype=float) for name in ("gap", "test_accuracy", "test_size"))
    try:
        environments = environments_of(gap, levels, size, accuracy, weights="binomial", enough=enough)
    except UndefinedError:
        return {}
    scores = {name: rows.get(f"measure.{name}") for name in MEAN_ERROR}
    return {
        name: sign_error(environment_losses(environments, column.to_numpy(dtype=float)))
        for name, column in scores.items()
        if column is not None and np.isfinite(column.to_numpy(dtype=float)).all()
    }


def _over_seeds(evidence: Evidence, statistic: Callable[[Errors], float]) -> Finding:
    """Bootstrap a statistic of the sign errors of the networks that converged, over seeds."""
    ledger = evidence.ledger[evidence.ledger["converged"].astype(bool)]

    def of(rows: pd.DataFrame) -> float:
        errors = sign_errors(rows)
        return statistic(errors) if errors else float("nan")

    return bootstrap(ledger, of, by=["seed"])


def _mean(evidence: Evidence, names: tuple[str, ...]) -> Finding:
    return _over_seeds(evidence, lambda errors: mean_or_nan([errors[name].mean for name in names if name in errors]))


def _failing(evidence: Evidence) -> Finding:
    return _over_seeds(evidence, lambda errors: mean_or_nan([error.max >= COMPLETE for error in errors.values()]))


def _order(evidence: Evidence) -> Finding:
    """Correlate, over measures, the ranks of the published mean sign error and of the one here."""

    def order(errors: Errors) -> float:
        return rank_correlation([MEAN_ERROR[name] for name in errors], [error.mean for error in errors.values()])

    return _over_seeds(evidence, order)


def _series(evidence: Evidence) -> list[Series]:
    errors = sign_errors(evidence.ledger[evidence.ledger["converged"].astype(bool)])
    return [dots("measures", [MEAN_ERROR[name] for name in errors], [error.mean for error in errors.values()])]


FIGURE: Final = Figure(x="published mean sign error", y="mean sign error here", series=_series, diagonal=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="every_measure_fails_somewhere",
        statement="Every measure orders some pair of neighbouring settings wrongly with all their networks.",
        source=f"{SOURCE}, sec. 5",
        published="a maximal sign error of 1 for each of 24 measures",
        unit="of the measures",
        holds=Range(low=1),
        test=_failing,
    ),
    Claim(
        study=STUDY,
        name="pac_bayes_leads",
        statement="PAC-Bayes measures without magnitudes usually order neighbours correctly.",
        source=f"{SOURCE}, fig. 1",
        published="mean sign error 0.097, 0.102 and 0.106, the three best of 24",
        unit="mean sign error",
        holds=Range(high=0.5),  # a coin toss
        test=partial(_mean, names=("pacbayes_orig", "pacbayes_flatness", "pacbayes_init")),
    ),
    Claim(
        study=STUDY,
        name="spectral_products_mislead",
        statement="Products of spectral norms order neighbours wrongly more often than not.",
        source=f"{SOURCE}, fig. 1",
        published="mean sign error 0.597 and 0.619, the two worst of 24",
        unit="mean sign error",
        holds=Range(low=0.5),
        test=partial(_mean, names=("prod_of_spec_fft", "prod_of_spec_over_margin_fft")),
    ),
    Claim(
        study=STUDY,
        name="measures_rank_alike",
        statement="Measures that do well in the paper do well here.",
        source=f"{SOURCE}, fig. 1",
        published="24 measures by mean sign error",
        unit="rank correlation over measures",
        holds=Range(low=0),
        test=_order,
    ),
)
