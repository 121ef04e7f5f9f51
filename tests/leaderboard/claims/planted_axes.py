"""Ledgers of studies over one axis, in which every finding holds, or none does."""

from collections.abc import Callable
from itertools import product
from typing import Final

from leaderboard.claims import Evidence
from tests.leaderboard.claims.ledgers import Row, evidence


def momentum(*, holds: bool, seeds: range) -> Evidence:
    """A gain at full batch and none at small ones, or the other way round; another rate is far worse."""
    rows: list[Row] = []
    for seed, batch, value, rate in product(seeds, (16, 128), (0.0, 0.9), (0.1, 0.5)):
        gain = (0.05 if batch == 128 else 0.0) if holds else (-0.05 if batch == 128 else 0.05)
        accuracy = 0.8 + gain * (value > 0) - (0.3 if rate == 0.5 else 0.0)
        rows.append(
            {"seed": seed, "hp.batch_size": batch, "hp.momentum": value, "hp.learning_rate": rate,
             "test_accuracy": accuracy}
        )  # fmt: skip
    return evidence(rows)


def sparsity(*, holds: bool, seeds: range) -> Evidence:
    """Sparse networks that match and very sparse ones that fail, or the contrary."""
    rows: list[Row] = []
    for seed, (width, share) in product(seeds, ((0.5, 0.0), (1.0, 0.6), (2.0, 0.9), (16.0, 0.997))):
        middle, last = 0 < share < 0.98, share > 0.98
        shifted = 0.6 - 0.05 * middle * (not holds) + (-0.1 if holds else 0.1) * last
        rows.append(
            {"seed": seed, "hp.width": width, "hp.sparsity": share,
             "test_accuracy": 0.9 + (-0.1 if holds else 0.05) * last,
             "observed.error_fog": 1 - shifted - 0.02, "observed.error_snow": 1 - shifted + 0.02,
             "observed.clean_error": 0.1,
             "measure.avg_sharpness_mag": 1.0 + (0.0 if holds else 1.0) * middle + 0.001 * seed}
        )  # fmt: skip
    return evidence(rows)


def distillation(*, holds: bool, seeds: range) -> Evidence:
    """Students that undo the noise of teachers who fitted it, or are as bad as teachers who did not."""
    rows: list[Row] = []
    for seed, noise in product(seeds, (0.0, 0.2, 0.4)):
        teacher = f"teacher {seed} {noise}"
        corruption = f"partial_labels {noise}" if noise else "true_labels"
        rows += [
            {"run_id": teacher, "seed": seed, "hp.teacher": None, "hp.corruption": corruption,
             "test_accuracy": 0.95 - noise, "train_accuracy": 1.0 if holds else 0.9},
            {"seed": seed, "hp.teacher": teacher, "test_accuracy": 0.95 - noise * (0.2 if holds else 1.2)},
        ]  # fmt: skip
    return evidence(rows)


def depth(*, holds: bool, seeds: range) -> Evidence:
    """A U, or its mirror image."""
    bent = {2: 0.2, 4: 0.1, 8: 0.1, 32: 0.2}
    return evidence(
        [
            {"seed": seed, "hp.depth": blocks, "test_accuracy": 1 - error if holds else 0.7 + error,
             "train_accuracy": 1.0 if holds else 0.9}
            for seed, (blocks, error) in product(seeds, bent.items())
        ]
    )  # fmt: skip


OVER_AXES: Final[tuple[Callable[..., Evidence], ...]] = (momentum, sparsity, distillation, depth)
