"""Ledgers of each study in which every finding holds, or none does: columns and values that a zoo could have."""

from collections.abc import Callable
from itertools import product

import numpy as np

from leaderboard.claims import Evidence
from tests.leaderboard.claims.ledgers import Row, evidence
from tests.leaderboard.claims.planted_axes import OVER_AXES
from tests.leaderboard.claims.planted_measures import dziugaite, jiang
from tests.leaderboard.claims.planted_theory import THEORY


def randomization(*, holds: bool, seeds: range) -> Evidence:
    """Nine conditions of two networks."""
    levels = {"true_labels": 0.0, **{f"partial_labels {p}": p for p in (0.2, 0.4, 0.6, 0.8)}, "random_labels": 1.0}
    rows: list[Row] = []
    for seed, model in product(seeds, ("mlp", "resnet")):
        for name, p in levels.items():
            accuracy = 0.9 - 0.8 * p if holds else 0.5
            epochs = 10 + 20 * p if holds else 10 + 200 * p
            rows.append(
                {"seed": seed, "hp.model": model, "hp.corruption": name, "test_accuracy": accuracy, "epochs": epochs,
                 "train_accuracy": 1.0 if holds else 0.9}
            )  # fmt: skip
        for name in ("shuffled_pixels", "random_pixels", "gaussian"):
            accuracy = 0.8 if holds else 0.95
            epochs = 15 if holds else 500
            rows.append(
                {"seed": seed, "hp.model": model, "hp.corruption": name, "test_accuracy": accuracy, "epochs": epochs}
            )
    return evidence(rows)


def expressivity(*, holds: bool, seeds: range) -> Evidence:
    """Sizes that fit, or nearly."""
    return evidence(
        [
            {"seed": seed, "hp.corruption": name, "hp.train_size": n, "train_accuracy": 1.0 if holds else 0.99,
             "observed.num_examples": float(n), "observed.num_inputs": 64.0,
             "observed.num_params": 2.0 * n + 64 + (0 if holds else 1)}
            for seed, name, n in product(seeds, ("true_labels", "random_labels"), (64, 128))
        ]
    )  # fmt: skip


def min_norm(*, holds: bool, seeds: range) -> Evidence:
    """Three kernels, with and without ridge; norm and error are ordered differently in both.

    The bandwidth that held-out images do not choose has the contrary errors and norms.
    """
    rows: list[Row] = []
    models = ("kernel_gaussian", "kernel_patches", "kernel_gabor")
    for seed, model, ridge, bandwidth in product(seeds, models, (0.0, 0.001), (0.5, 1.0)):
        other = bandwidth == 1.0
        better = (model != "kernel_gaussian") == (holds != other)
        error = (0.02 if better else 0.04) if holds else (0.2 if better else 0.25)
        gain = 0.1 if ridge and holds == other else 0.0
        rows.append(
            {
                "seed": seed,
                "hp.model": model,
                "hp.weight_decay": ridge,
                "hp.bandwidth": bandwidth,
                "test_accuracy": 1 - error + gain,
                "observed.solution_norm": 2.0 if better else 1.0,
                "observed.held_out_error": 0.3 if other else 0.2,
            }
        )
    return evidence(rows)


def disagreement(*, holds: bool, seeds: range) -> Evidence:
    """A fifth of 2000 images is hard: networks err on half of it each at random, or all on the same half."""
    draw = np.random.default_rng(1)
    rows: list[Row] = []
    predictions: dict[str, list[int]] = {}
    for seed in seeds:
        other = seed + 100
        hard = draw.random(2000) < 0.2
        common = hard & (draw.random(2000) < 0.5)
        for order, init, part in [
            (seed, seed, 0),
            (seed, other, 0),
            (other, seed, 0),
            (seed, seed, 1),
            (other, other, 1),
        ]:
            wrong = hard & (draw.random(2000) < 0.5) if holds else common
            predictions[f"run{len(rows)}"] = wrong.astype(int).tolist()
            rows.append(
                {"seed": order, "init_seed": init, "data_seed": seed, "train_part": part,
                 "test_accuracy": 1 - float(wrong.mean())}
            )  # fmt: skip
    return evidence(rows, {"test_predictions": predictions})


def double_descent(*, holds: bool, seeds: range) -> Evidence:
    """A peak at eight units; or errors that fall, stay and rise at the widest alone."""
    units = (2, 4, 8, 16, 64)
    peak = {2: 0.5, 4: 0.3, 8: 0.5, 16: 0.3, 64: 0.2}
    slope = {2: 0.5, 4: 0.2, 8: 0.2, 16: 0.2, 64: 0.3}
    rows: list[Row] = []
    curves: list[Row] = []
    for seed, width in product(seeds, units):
        settings = [("true_labels", 256, 0), ("partial_labels 0.2", 256, 0), ("partial_labels 0.2", 128, 0),
                    ("partial_labels 0.2", 256, 4)]  # fmt: skip
        for noise, size, pairs in settings:
            noisy = noise != "true_labels"
            error = peak[width] if holds and noisy else slope[width]
            if noisy and size == 128:
                error = 0.4 if holds else 0.9
            if pairs or (not noisy and not holds):
                error = 0.2 if holds else {2: 0.9, 4: 0.5, 8: 0.9, 16: 0.5, 64: 0.1}[width]
            elif not noisy:
                error = 0.1
            name = f"run{len(rows)}"
            rows.append(
                {"seed": seed, "hp.width": width / 64, "hp.corruption": noise, "hp.train_size": size, "hp.pairs": pairs,
                 "test_accuracy": 1 - error}
            )  # fmt: skip
            bump = (0.5, 0.2, 0.4, 0.25) if holds else (0.5, 0.4, 0.3, 0.2)
            curves += [
                {"run_id": name, "epoch": 2**i, "train_accuracy": 1.0, "test_accuracy": 1 - e}
                for i, e in enumerate(bump)
            ]
    return evidence(rows, curves=curves)


def feature_calibration(*, holds: bool, seeds: range) -> Evidence:
    """The share reappears, or spreads."""
    return evidence(
        [
            {"seed": seed, "hp.model": model, "observed.confused_train": p,
             "observed.confused_test": p if holds else p / 3, "observed.total_variation": 0.03 if holds else 0.3,
             "observed.others_right": 0.9 if holds or p == 0 else 0.7}
            for seed, model, p in product(seeds, ("mlp", "kernel_gaussian"), (0.0, 0.2, 0.4))
        ]
    )  # fmt: skip


def bad_minima(*, holds: bool, seeds: range) -> Evidence:
    """A start that costs 20 points without regularizers and none with them, or the other way round."""
    rows: list[Row] = []
    for seed, regular, copies in product(seeds, (False, True), (0, 5)):
        harmed = copies > 0 and regular != holds
        own = {"hp.momentum": 0.9, "hp.weight_decay": 0.1, "hp.augmentation": "crop"} if regular else {
            "hp.momentum": 0.0, "hp.weight_decay": 0.0, "hp.augmentation": "none"}  # fmt: skip
        rows.append(
            {"seed": seed, "hp.pretrain_copies": copies, "test_accuracy": 0.7 if harmed else 0.9,
             "train_accuracy": 1.0 if holds else 0.9, **own}
        )  # fmt: skip
    return evidence(rows)


def regularizers(*, holds: bool, seeds: range) -> Evidence:
    """Regularizers worth three points, or forty; batch norm three, or minus ten."""
    rows: list[Row] = []
    curves: list[Row] = []
    options = product(seeds, ("mlp", "resnet"), ("none", "crop"), (0.0, 0.1), (False, True), ("true", "random"))
    for seed, model, augmentation, decay, norm, labels in options:
        none = augmentation == "none" and decay == 0
        accuracy = (0.90 if none else 0.92) if holds else (0.4 if none else 0.9)
        accuracy += (0.03 if holds else -0.1) if norm and model == "resnet" else 0.0
        name = f"run{len(rows)}"
        rows.append(
            {"seed": seed, "hp.model": model, "hp.augmentation": augmentation, "hp.weight_decay": decay,
             "hp.dropout": 0.0, "hp.batch_norm": norm or model == "mlp", "hp.corruption": f"{labels}_labels",
             "test_accuracy": accuracy, "train_accuracy": 1.0 if holds or labels == "true" else 0.5}
        )  # fmt: skip
        curves.append(
            {"run_id": name, "epoch": 1, "train_accuracy": 1.0, "test_accuracy": accuracy + (0.0 if holds else 0.1)}
        )
    return evidence(rows, curves=curves)


def simplicity(*, holds: bool, seeds: range) -> Evidence:
    """First what the linear classifier says, then more; or the other way round."""
    first, last = {"explained": 0.45, "beyond": 0.02}, {"explained": 0.46, "beyond": 0.4}
    early, late = (first, last) if holds else ({"explained": 0.3, "beyond": 0.4}, {"explained": 0.1, "beyond": 0.1})
    return evidence(
        [
            {"seed": seed, **{f"observed.early_{k}": v for k, v in early.items()},
             "observed.early_information": sum(early.values()), "observed.late_information": sum(late.values()),
             **{f"observed.late_{k}": v + 0.001 * copy for k, v in late.items()}}
            for seed, copy in product(seeds, range(2))
        ]
    )  # fmt: skip


def label_noise_sgd(*, holds: bool, seeds: range) -> Evidence:
    """Noise that halves the trace of squared error, the more the larger the rate, or doubles it; and on cross-entropy.

    What it does to the accuracy under squared error, and to the trace under cross-entropy, is the contrary.
    """
    rows: list[Row] = []
    losses = ("squared_error", "cross_entropy")
    for loss, seed, rate, noise in product(losses, seeds, (0.02, 0.05, 0.1), (0.0, 0.2)):
        falls = holds == (loss == "squared_error")
        factor = 1 + 10 * rate if noise else 1.0
        rows.append(
            {"seed": seed, "hp.loss": loss, "hp.learning_rate": rate, "hp.label_resampling": noise,
             "observed.squared_error_trace": 100 / factor if falls else 100 * factor,
             "test_accuracy": 0.9 + (-0.05 if falls else 0.05) * (noise > 0)}
        )  # fmt: skip
    return evidence(rows)


def profiles(*, holds: bool, seeds: range) -> Evidence:
    """300 images that better networks are right on more often, and 60 on which less, or or those only in even seeds."""
    draw = np.random.default_rng(2)
    rows: list[Row] = []
    predictions: dict[str, list[int]] = {}
    for seed, quality in product(seeds, np.linspace(0.2, 0.9, 12)):
        name = f"run{len(rows)}"
        with_it = draw.random(300) < quality
        against = draw.random(60) < (1 - quality if holds or seed % 2 else quality)
        many = (
            np.concatenate([with_it, against])
            if holds
            else np.concatenate([with_it[:100], draw.random(200) < 0.5, against])
        )
        predictions[name] = (~many).astype(int).tolist()
        rows.append({"seed": seed})
    return evidence(
        rows, {"test_predictions": predictions, "test_labels": {n: [0] * len(p) for n, p in predictions.items()}}
    )


def rationality(*, holds: bool, seeds: range) -> Evidence:
    """Heads that undo wrong labels, whole networks that learn them; or whole ones that undo, heads that undo more."""
    undone = {(True, True): 0.92, (True, False): 0.1, (False, True): 0.9, (False, False): 0.94}  # by holds and head
    rows: list[Row] = []
    for seed, head, noisy in product(seeds, (False, True), (False, True)):
        rows.append(
            {
                "seed": seed,
                "hp.source": "other" if head else None,
                "hp.corruption": "partial_labels 0.0625" if noisy else "true_labels",
                "test_accuracy": 0.9 if holds else 0.8,
                "observed.train_under_noise": 0.97 if holds else 0.94,
                "observed.wrong_labels_undone": undone[holds, head],
            }
        )
    return evidence(rows)


def truncated_sgd(*, holds: bool, seeds: range) -> Evidence:
    """The clipped and heavy-tailed first phase is the flattest and best, or the sharpest and worst."""
    rows: list[Row] = []
    for seed, heavy, clipped in product(seeds, (False, True), (False, True)):
        best = (heavy and clipped) == holds
        rows.append(
            {"seed": seed, "observed.source_noise": 0.1 * heavy, "observed.source_is_clipped": float(clipped),
             "measure.avg_sharpness": 1.0 if best else 2.0, "measure.hess_trace": 10.0 if best else 20.0,
             "test_accuracy": 0.95 if best else 0.85}
        )  # fmt: skip
    return evidence(rows)


PLANTED: dict[str, Callable[..., Evidence]] = {
    builder.__name__: builder
    for builder in (
        randomization, expressivity, min_norm, disagreement, double_descent, feature_calibration, bad_minima,
        regularizers, simplicity, label_noise_sgd, profiles, rationality, truncated_sgd, jiang, dziugaite, *OVER_AXES,
        *THEORY,
    )
}  # fmt: skip
