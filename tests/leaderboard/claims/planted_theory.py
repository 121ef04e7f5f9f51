"""Ledgers of the studies in closed form in which every finding holds, or none does."""

from itertools import product

from leaderboard.claims import Evidence
from leaderboard.claims.asymptotics import error_on_mixture, risk_without_label_noise
from leaderboard.claims.studies import epochwise_descent as epochs
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


def multiclass_margin(*, holds: bool, seeds: range) -> Evidence:
    """One solution in many dimensions with the errors of the limit; or one in few, and errors that are far from it."""
    rows: list[Row] = []
    for seed, dim, model in product(seeds, (50, 400, 1600), ("max_margin", "least_squares")):
        same = (dim == 1600) == holds
        error = error_on_mixture(dim / 40, 5.0, 1.0, 4)
        rows.append(
            {
                "seed": seed,
                "hp.model": model,
                "hp.train_size": 40,
                "hp.dataset": f"mixture:dim={dim},signal=5.0,classes=4",
                "observed.support_share": 1.0 if same else 0.7,
                "observed.from_least_squares": 1e-12 if same else 0.3,
                "test_accuracy": 1 - error if holds else 0.2,
            }
        )
    return evidence(rows)


def noisy_margin(*, holds: bool, seeds: range) -> Evidence:
    """Errors of the limit, small with growing means and large with staying ones; or errors of one tenth everywhere."""
    rows: list[Row] = []
    for seed, dim, signal in product(seeds, (400, 6400), (2.5, 13.0)):
        error = error_on_mixture(dim / 100, signal, 0.6, 2) if holds else 0.1
        rows.append(
            {
                "seed": seed,
                "hp.model": "max_margin",
                "hp.train_size": 100,
                "hp.dataset": f"mixture:dim={dim},signal={signal}",
                "observed.support_share": 1.0 if holds else 0.7,
                "train_accuracy": 1.0 if holds else 0.95,
                "test_accuracy": 1 - error,
            }
        )
    return evidence(rows)


def epochwise_descent(*, holds: bool, seeds: range) -> Evidence:
    """Risks of the limit; or a fall to the plateau, and a rise after it, with one speed the other way round."""
    rows: list[Row] = []
    for seed, scale, (place, steps) in product(seeds, (0.01, 1.0), enumerate((1, 3, 100, 10_000, 1_000_000))):
        risk = epochs.limit_of(165, 15, 300, scale, 0.3).risk(steps)
        contrary = (3.0, 2.0, 0.5, 2.0, 3.0)[place] if scale < 1 else (1.0, 2.0, 4.0, 3.0, 2.0)[place]
        rows.append(
            {
                "seed": seed,
                "hp.train_size": 300,
                "hp.max_epochs": steps,
                "hp.learning_rate": 0.3,
                "hp.dataset": "teacher:dim=165,weak=15" + (f",scale={scale}" if scale < 1 else ""),
                "observed.squared_risk": (risk if holds else contrary) + 0.001 * (seed % 4),
            }
        )
    return evidence(rows)


THEORY = (ridge_peak, multiclass_margin, noisy_margin, epochwise_descent)
