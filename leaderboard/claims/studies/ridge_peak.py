"""Claims of Hastie et al. 2022 on the peak of least squares and its absence with the best ridge."""

from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.asymptotics import (
    SIGN_OVERLAP,
    Block,
    RidgeLimit,
    error_of_direction,
    ridge_limit,
    risk_without_label_noise,
)
from leaderboard.claims.claim import Claim, Evidence, Finding, Range, bootstrap
from leaderboard.claims.effects import average_over_seeds, noise_level, rank_correlation, where
from leaderboard.claims.figure import Figure, Point, Series, line

SOURCE: Final = "Hastie et al. 2022, arXiv:1903.08560"
STUDY: Final = "ridge_peak"
RISK: Final = "observed.squared_risk"
NEAR: Final = 0.15  # so near to as many examples as dimensions the risk of a finite sample has a heavy tail
CURVE: Final = np.geomspace(0.25, 4, 61)


def _rows(evidence: Evidence) -> pd.DataFrame:
    """Add the ratio of examples to dimensions, the share of labels that is kept, and the test error."""
    ledger = evidence.ledger
    return ledger.assign(
        ratio=ledger["hp.train_size"] / ledger["observed.dim"],
        kept=1 - noise_level(ledger),
        test_error=1 - ledger["test_accuracy"],
    )


def limit_of(ratio: float, kept: float, ridge: float) -> RidgeLimit:
    """Compute the limit at a ratio of examples to dimensions, with a share of the labels kept and the rest random."""
    signal = (kept * SIGN_OVERLAP) ** 2
    return ridge_limit([Block(1 / ratio, 1.0, signal)], 1 - signal, ridge)


def _plain(evidence: Evidence) -> pd.DataFrame:
    return where(_rows(evidence), weight_decay=0.0, corruption="true_labels")


def _place_of_peak(evidence: Evidence) -> Finding:
    """Compute, for each seed, the ratio of examples to dimensions at the largest risk."""

    def place(rows: pd.DataFrame) -> float:
        return float(rows["ratio"].to_numpy()[rows[RISK].to_numpy().argmax()])

    return average_over_seeds(_plain(evidence), place)


def _second_descent(evidence: Evidence) -> Finding:
    """Compute, for each seed, the risk with fewest examples divided by that at as many examples as dimensions."""

    def quotient(rows: pd.DataFrame) -> float:
        risks, ratios = rows[RISK].to_numpy(), rows["ratio"].to_numpy()
        return float(risks[ratios.argmin()] / risks[np.abs(ratios - 1).argmin()])

    return average_over_seeds(_plain(evidence), quotient)


def _order_with_ridge(evidence: Evidence) -> Finding:
    rows = _rows(evidence)
    tuned = rows[rows["hp.weight_decay"] > 0]

    def order(own: pd.DataFrame) -> float:
        levels = [rank_correlation(part["ratio"], part[RISK]) for _, part in own.groupby("kept")]
        return float(np.mean(levels))

    return average_over_seeds(tuned, order)


def _deviation(evidence: Evidence) -> Finding:
    """Compute the mean relative deviation of the risk, averaged over seeds, from its limit."""
    rows = _rows(evidence)
    rows = rows[(rows["ratio"] - 1).abs() > NEAR]

    def deviation(own: pd.DataFrame) -> float:
        means = own.groupby(["ratio", "kept", "hp.weight_decay"])[RISK].mean()
        limits = [
            risk_without_label_noise(limit_of(float(ratio), float(kept), float(ridge)), float(kept))
            for ratio, kept, ridge in means.index
        ]
        return float(np.abs(means.to_numpy() / np.array(limits) - 1).mean())

    return bootstrap(rows, deviation, by=["seed"])


def _series(evidence: Evidence) -> list[Series]:
    rows = _rows(evidence)
    found = []
    for kept, own in rows.groupby("kept", sort=True):
        label = "true labels" if kept == 1 else f"{1 - float(str(kept)):.0%} random labels"
        for tuned, part in own.groupby(own["hp.weight_decay"] > 0):
            found.append(line(f"{label}, {'best' if tuned else 'no'} ridge", part, "ratio", "test_error"))
            found.append(_curve(f"theory, {label}, {'best' if tuned else 'no'} ridge", float(str(kept)), bool(tuned)))
    return found


def _curve(name: str, kept: float, tuned: bool) -> Series:
    signal = (kept * SIGN_OVERLAP) ** 2
    points = []
    for ratio in CURVE.tolist():
        limit = limit_of(ratio, kept, (1 - signal) / signal / ratio if tuned else 0.0)
        error = 0.5 if limit.risk == float("inf") else error_of_direction(limit, kept)
        points.append(Point(ratio, error, error, error))
    return Series(name, points, marked=False)


FIGURE: Final = Figure(x="training examples divided by dimensions", y="test error", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="peaks_at_as_many_examples_as_dimensions",
        statement="The risk of least squares of least norm is largest where examples and dimensions are equally many.",
        source=SOURCE,
        published="p/n = 1",
        unit="examples divided by dimensions at the peak",
        holds=Range(0.9, 1.1),
        test=_place_of_peak,
    ),
    Claim(
        study=STUDY,
        name="descends_again",
        statement="Beyond the peak, with more dimensions than examples, the risk falls again.",
        source=SOURCE,
        published="the risk decreases in p/n above 1",
        unit="risk with four times as many dimensions as examples, divided by that at the peak",
        holds=Range(high=1),
        test=_second_descent,
    ),
    Claim(
        study=STUDY,
        name="best_ridge_has_no_peak",
        statement="With the best ridge the risk falls with every example: there is no peak.",
        source=SOURCE,
        published="optimally tuned ridge dominates min-norm least squares and has no peak",
        unit="rank correlation of risk and examples",
        holds=Range(high=-0.9),
        test=_order_with_ridge,
    ),
    Claim(
        study=STUDY,
        name="follows_the_formula",
        statement="The risk is that of the formula for isotropic features, at any ridge and label noise.",
        source=SOURCE,
        published="theorems 1 and 5: the limit of the risk",
        unit="mean relative deviation, outside 0.85 to 1.15 examples a dimension",
        holds=Range(high=0.1),
        test=_deviation,
    ),
)
