"""Ledgers of the studies in closed form in which every finding holds, or none does."""

from itertools import product

from leaderboard.claims import Evidence
from leaderboard.claims.asymptotics import risk_without_label_noise
from leaderboard.claims.studies import ridge_peak as ridge
from tests.leaderboard.claims.ledgers import Row, evidence


def ridge_peak(*, holds: bool, seeds: range) -> Evidence:
    """Risks of the formula; or a peak at four times as many examples, and with a ridge a risk that rises."""
    rows: list[Row] = []
    for seed, ratio, kept, tuned in product(seeds, (0.25, 0.5, 1.0, 2.0, 4.0), (1.0, 0.6), (False, True)):
        lam = 0.5 / ratio if tuned else 0.0
        risk = risk_without_label_noise(ridge.limit_of(ratio, kept, lam), kept) if ratio != 1 or tuned else 500.0
        rows.append(
            {
                "seed": seed,
                "hp.train_size": round(200 * ratio),
                "hp.weight_decay": lam,
                "hp.corruption": "true_labels" if kept == 1 else "partial_labels 0.4",
                "observed.dim": 200.0,
                "observed.squared_risk": (risk if holds else ratio + 3 * (ratio == 0.25)) + 0.001 * (seed % 4),
            }
        )
    return evidence(rows)


THEORY = (ridge_peak,)
