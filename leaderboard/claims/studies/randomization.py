"""Claims of Zhang et al. 2017 and 2021 on randomized labels and pixels."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, contrast, noise_level, rank_correlation, ratio, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Zhang et al. 2021, doi:10.1145/3446776"
STUDY: Final = "randomization"


def _worst_fit(evidence: Evidence) -> Finding:
    """Compute, for each seed, the lowest training accuracy of any network under any condition."""
    return average_over_seeds(evidence.ledger, lambda rows: float(rows["train_accuracy"].min()))


def _above_chance(evidence: Evidence) -> Finding:
    """Compute the test accuracy on random labels; digits and CIFAR-10 have ten classes."""
    random = where(evidence.ledger, corruption="random_labels")
    return average_over_seeds(random, lambda rows: float(rows["test_accuracy"].mean()))


def _slowdown(evidence: Evidence) -> Finding:
    """Compute, for each seed, the largest ratio over networks of the epochs to fit random and true labels."""

    def largest(rows: pd.DataFrame) -> float:
        epochs = rows.pivot_table(index="hp.model", columns="hp.corruption", values="epochs")
        return float((epochs["random_labels"] / epochs["true_labels"]).max())

    return average_over_seeds(evidence.ledger, largest)


def _pixels_against_labels(evidence: Evidence) -> Finding:
    ledger = evidence.ledger
    pixels = ledger[ledger["hp.corruption"].isin(["random_pixels", "gaussian"])]
    return ratio(pixels, where(ledger, corruption="random_labels"), "epochs")


def _order_of_errors(evidence: Evidence) -> Finding:
    """Compute, for each seed, the rank correlation of test error with p, averaged over networks."""
    ledger = evidence.ledger.assign(p=noise_level(evidence.ledger)).dropna(subset=["p"])

    def order(rows: pd.DataFrame) -> float:
        each = [rank_correlation(own["p"], 1 - own["test_accuracy"]) for _, own in rows.groupby("hp.model")]
        return float(pd.Series(each).mean())

    return average_over_seeds(ledger, order)


def _pixel_order(evidence: Evidence) -> Finding:
    """Compare the test accuracy of the convolutional network on true and on shuffled images."""
    ledger = evidence.ledger[evidence.ledger["hp.model"] != "mlp"]
    return contrast(
        where(ledger, corruption="true_labels"), where(ledger, corruption="shuffled_pixels"), "test_accuracy"
    )


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger.assign(p=noise_level(evidence.ledger), error=1 - evidence.ledger["test_accuracy"])
    return [line(str(name), rows, "p", "error") for name, rows in ledger.groupby("hp.model")]


FIGURE: Final = Figure(x="share of random labels", y="test error", series=_series)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="fits_everything",
        statement="Networks fit true, partly random and random labels, and shuffled, random and Gaussian pixels.",
        source=f"{SOURCE}, sec. 2 and fig. 1; 2017, arXiv:1611.03530, table 1",
        published="training accuracy of 99.34 to 100 % on random labels",
        unit="training accuracy, lowest of each seed",
        holds=Range(low=0.9934),  # the lowest of table 1
        test=_worst_fit,
    ),
    Claim(
        study=STUDY,
        name="random_labels_leave_chance",
        statement="Networks that fit random labels are no better than chance on test images.",
        source="Zhang et al. 2017, arXiv:1611.03530, table 1",
        published="test accuracy of 9.78 to 10.61 % with ten classes",
        unit="share of the test images",
        holds=Range(0.08, 0.12),  # chance plus or minus 2 points: a tenth as many test images as in the paper
        test=_above_chance,
    ),
    Claim(
        study=STUDY,
        name="random_labels_take_a_little_longer",
        statement="Fitting random labels takes longer than fitting true ones by a small constant factor.",
        source=f"{SOURCE}, sec. 2, fig. 1b",
        published="a small constant factor",
        unit="ratio to the epochs for true labels",
        holds=Range(1, 10),  # small: less than an order of magnitude
        test=_slowdown,
    ),
    Claim(
        study=STUDY,
        name="random_pixels_are_fitted_sooner_than_random_labels",
        statement="Random and Gaussian pixels are fitted in less time than random labels.",
        source=f"{SOURCE}, sec. 2, fig. 1a",
        published="they start converging faster",
        unit="ratio to the epochs for random labels",
        holds=Range(high=1),
        test=_pixels_against_labels,
    ),
    Claim(
        study=STUDY,
        name="error_rises_with_noise",
        statement="Test error rises steadily with the share of random labels.",
        source=f"{SOURCE}, sec. 2, fig. 1c",
        published="a steady deterioration from p = 0 to chance at p = 1",
        unit="rank correlation",
        holds=Range(low=0.9),  # six levels of p: one swap of neighbours leaves 0.94, two leave 0.89
        test=_order_of_errors,
    ),
    Claim(
        study=STUDY,
        name="shuffled_pixels_cost_accuracy",
        statement="A convolutional network fits shuffled pixels but generalizes worse on them.",
        source="Zhang et al. 2017, arXiv:1611.03530, sec. 2.1",
        published="true images lead",
        unit="test accuracy",
        holds=Range(low=0),
        test=_pixel_order,
    ),
)
