"""Ledgers of studies over one axis, in which every finding holds, or none does."""

from collections.abc import Callable
from itertools import product
from typing import Final

import numpy as np

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


def low_rank(*, holds: bool, seeds: range) -> Evidence:
    """Factors that cost nothing, or more than a narrower network does."""
    accuracy = {(4.0, 1.0): 0.9, (4.0, 0.5): 0.9 if holds else 0.8, (4.0, 0.1): 0.85 if holds else 0.7, (1.0, 1.0): 0.8}
    return evidence(
        [
            {"seed": seed, "hp.width": width, "hp.rank": rank, "test_accuracy": value,
             "observed.num_params": 1000 * width * rank}
            for seed, ((width, rank), value) in product(seeds, accuracy.items())
        ]
    )  # fmt: skip


def gradient_starvation(*, holds: bool, seeds: range) -> Evidence:
    """A penalty that helps out of distribution and in distance, or harms both."""
    change = 1.0 if holds else -1.0
    return evidence(
        [
            {"seed": seed, "hp.spectral_decoupling": penalty,
             "measure.adv_radius": 2 + change * penalty * 5 + 0.01 * seed, "observed.error_fog": 0.3 - change * penalty}
            for seed, penalty in product(seeds, (0.0, 0.01, 0.1))
        ]
    )  # fmt: skip


def width_shift(*, holds: bool, seeds: range) -> Evidence:
    """Width that helps, dense or sparse, or harms."""
    networks = ((0.5, 0.0), (1.0, 0.0), (2.0, 0.0), (4.0, 0.0), (2.0, 0.7), (4.0, 0.9))
    change = 0.05 if holds else -0.05
    return evidence(
        [
            {"seed": seed, "hp.width": width, "hp.sparsity": share, "observed.error_fog": 0.4 - change * width}
            for seed, (width, share) in product(seeds, networks)
        ]
    )  # fmt: skip


def early_stopping(*, holds: bool, seeds: range) -> Evidence:
    """A best epoch before the end of noisy labels, or at it; true labels improve all the time."""
    rows: list[Row] = []
    curves: list[Row] = []
    for seed, noisy in product(seeds, (False, True)):
        name = f"run{len(rows)}"
        rows.append({"seed": seed, "hp.corruption": "partial_labels 0.4" if noisy else "true_labels"})
        errors = (0.3, 0.12, 0.2) if noisy and holds else (0.4, 0.3, 0.2) if noisy else (0.3, 0.2, 0.1)
        losses = (0.5, 0.3, 0.6) if holds else (0.6, 0.5, 0.4)
        curves += [
            {"run_id": name, "epoch": 2**i, "train_accuracy": 1.0, "test_accuracy": 1 - error + 0.0001 * seed,
             "test_loss": loss}
            for i, (error, loss) in enumerate(zip(errors, losses, strict=True))
        ]  # fmt: skip
    return evidence(rows, curves=curves)


def partial_shuffle(*, holds: bool, seeds: range) -> Evidence:
    """Corgi2 beside the full shuffle and CorgiPile below, or the other way round."""
    accuracy = {"full": 0.9, "corgi2": 0.9 if holds else 0.8, "corgipile": 0.8 if holds else 0.95, "none": 0.3}
    return evidence(
        [
            {"seed": seed, "hp.data_order": order, "test_accuracy": value}
            for seed, (order, value) in product(seeds, accuracy.items())
        ]
    )


def online(*, holds: bool, seeds: range) -> Evidence:
    """Small batches that help offline alone, or online alone."""
    return evidence(
        [
            {"seed": seed, "hp.max_epochs": epochs, "hp.batch_size": batch,
             "test_accuracy": 0.8 + (0.05 if (epochs > 1) == holds else -0.05) * (batch == 4)}
            for seed, epochs, batch in product(seeds, (1, 100), (4, 64))
        ]
    )  # fmt: skip


def subtuning(*, holds: bool, seeds: range) -> Evidence:
    """A block that is as good as all layers and better with few data, or always worse; the head is bad."""
    rows: list[Row] = []
    for seed, size, (tuned, change) in product(seeds, (25, 400), ((None, 0.0), ("18.", -0.2), ("9. 18.", 0.05))):
        gain = change if change < 0 or not holds else change * (size == 25)
        rows.append(
            {"seed": seed, "hp.train_size": size, "hp.tuned_layers": tuned,
             "test_accuracy": 0.8 + (gain if holds else -abs(gain))}
        )  # fmt: skip
    return evidence(rows)


def fewer_classes(*, holds: bool, seeds: range) -> Evidence:
    """Two classes that are more robust and less accurate than ten, or the contrary."""
    rows: list[Row] = []
    predictions: dict[str, list[int]] = {}
    labels = list(range(10)) * 20
    for seed, adversarial, merged in product(seeds, (0.0, 16.0), (None, "0 0 0 0 0 1 1 1 1 1")):
        two = merged is not None
        wrong = 0 if holds else 80  # of 200
        name = f"run{len(rows)}"
        predictions[name] = [(label + 5) % 10 if i < wrong else label for i, label in enumerate(labels)]
        rows.append(
            {"seed": seed, "hp.adversarial_radius": adversarial, "hp.merged": merged, "test_accuracy": 0.9,
             "measure.adv_radius": (2.0 if two == holds else 1.0) + 0.01 * seed}
        )  # fmt: skip
    return evidence(rows, {"test_predictions": predictions, "test_labels": dict.fromkeys(predictions, labels)})


def pruning(*, holds: bool, seeds: range) -> Evidence:
    """Pruned networks above both dense ones at one level, or below them at each."""
    rows: list[Row] = []
    for seed, labels in product(seeds, ("true_labels", "partial_labels 0.2")):
        base = {"seed": seed, "hp.corruption": labels, "hp.prune": 0.0, "hp.rewind": "weights"}
        rows += [base | {"hp.max_epochs": epochs, "test_accuracy": 0.8} for epochs in (40, 160)]
        for share, rewind in product((0.5, 0.9), ("weights", "learning_rate")):
            accuracy = 0.85 if holds and share == 0.5 else 0.7
            pruned = {"hp.prune": share, "hp.rewind": rewind, "hp.max_epochs": 40, "test_accuracy": accuracy}
            rows.append(base | pruned)
    return evidence(rows)


def siblings(*, holds: bool, seeds: range) -> Evidence:
    """Random masks that become equal, or equal ones that become random."""
    draw = np.random.default_rng(3)
    rows: list[Row] = []
    masks: dict[str, list[int]] = {}
    for seed, shared in product(seeds, (0, 16)):
        one, other = (draw.random(2000) < 0.8 for _ in range(2))
        for order, mask in ((seed, one), (seed + 100, other if (shared == 0) == holds else one)):
            masks[f"run{len(rows)}"] = mask.astype(int).tolist()
            rows.append({"seed": order, "data_seed": seed, "observed.shared_epochs": float(shared)})
    return evidence(rows, {"pruned_weights": masks})


def vector_scaling(*, holds: bool, seeds: range) -> Evidence:
    """An exponent that helps in networks that have fitted, or exponents that harm in some that have not."""
    errors = {0.0: 0.3, 0.15: 0.2 if holds else 0.4, 0.3: 0.4}
    return evidence(
        [
            {"seed": seed, "hp.imbalance": ratio, "hp.vector_scaling": gamma, "train_accuracy": 1.0 if holds else 0.9,
             "observed.balanced_error": error + 0.01 * seed}
            for seed, ratio, (gamma, error) in product(seeds, (10.0, 50.0), errors.items())
        ]
    )  # fmt: skip


def compactness(*, holds: bool, seeds: range) -> Evidence:
    """Compact networks that are no better, with classes that spread; or better ones, with classes that gather."""
    accuracies = (0.8, 0.9, 0.85, 0.95) if holds else (0.95, 0.9, 0.85, 0.8)
    return evidence(
        [
            {"seed": seed, "measure.cdnv": 1.0 + place, "test_accuracy": accuracy,
             "observed.early_class_spread": 1.0, "observed.late_class_spread": (2.0 if holds else 0.5) + 0.01 * seed}
            for seed, (place, accuracy) in product(seeds, enumerate(accuracies))
        ]
    )  # fmt: skip


OVER_AXES: Final[tuple[Callable[..., Evidence], ...]] = (
    momentum, sparsity, distillation, depth, low_rank, gradient_starvation, width_shift, early_stopping,
    partial_shuffle, online, subtuning, fewer_classes, pruning, siblings, vector_scaling,
    compactness,
)  # fmt: skip
