"""Ledgers of the studies that correlate measures with the gap, in which every finding holds, or none does."""

from itertools import product

import numpy as np

from leaderboard.claims import Evidence
from tests.leaderboard.claims.ledgers import Row, evidence


def jiang(*, holds: bool, seeds: range) -> Evidence:
    """Measures that correlate as published, or the other way round."""
    from leaderboard.claims.studies.jiang import TAU

    draw = np.random.default_rng(4)
    rows: list[Row] = [
        {"seed": 0, "hp.width": float(seed), "hp.learning_rate": rate, "gap": float(draw.random())}
        for seed, rate in product(seeds, (0.1, 0.2, 0.3, 0.4))
    ]
    return evidence(_with_measures(rows, TAU, 1 if holds else -1))


def dziugaite(*, holds: bool, seeds: range) -> Evidence:
    """Gaps that fall with size and rise with depth; measures that say so but fail along depth, or never fail."""
    from leaderboard.claims.studies.dziugaite import MEAN_ERROR

    rows: list[Row] = []
    for seed, size, depth, width in product(seeds, (64, 128, 256), (1, 2, 3), (1.0, 2.0)):
        gap = 0.6 - 0.2 * np.log2(size / 64) + 0.12 * depth * (0.5 + 0.5 * width) / 2 - 0.1 * width
        rows.append(
            {"seed": seed, "hp.train_size": size, "hp.depth": depth, "hp.width": width, "hp.learning_rate": 0.1,
             "hp.dataset": "digits", "gap": float(gap), "test_accuracy": float(1 - gap)}
        )  # fmt: skip
    gaps = np.array([row["gap"] for row in rows])
    places = list(MEAN_ERROR)
    for place, name in enumerate(places):
        good = place < len(places) / 2
        for row, gap in zip(rows, gaps, strict=True):
            if holds:  # good ones see the size alone, and depth reversed; bad ones all reversed, but the width
                score = -np.log2(row["hp.train_size"]) - 0.01 * row["hp.depth"] if good else -gap + 0.001 * place
            else:
                score = -gap if good else gap
            row[f"measure.{name}"] = float(score)
    return evidence(rows)


def _with_measures(rows: list[Row], order: dict[str, float], sign: int) -> list[Row]:
    """Measures that rank with the gap as an order says, a share of the networks reversed."""
    draw = np.random.default_rng(3)
    gaps = np.array([row["gap"] for row in rows])
    for name, tau in order.items():
        noise = draw.normal(0, 1, len(rows)) * gaps.std()
        mixed = sign * tau * (gaps - gaps.mean()) + (1 - abs(tau)) * 0.3 * noise
        for row, value in zip(rows, mixed, strict=True):
            row[f"measure.{name}"] = float(value)
    return rows
