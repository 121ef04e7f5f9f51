"""Claims of Zhang et al. 2017 on explicit and implicit regularizers."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, combinations_of, combined, contrast, where
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Zhang et al. 2017, arXiv:1611.03530, table 1"
STUDY: Final = "regularizers"
OFF: Final = {"augmentation": "none", "weight_decay": 0.0, "dropout": 0.0}


def _true(evidence: Evidence) -> pd.DataFrame:
    return where(evidence.ledger, corruption="true_labels")


def _cost_of_none(evidence: Evidence) -> Finding:
    """Compute, for each seed, the gain of the best setting over none of augmentation, decay and dropout.

    Averaged over kinds of network, with batch norm on, as in the first rows of the table.
    """
    ledger = _true(evidence)
    ledger = ledger[ledger["hp.batch_norm"]]
    settings = [f"hp.{name}" for name in ("model", "depth", *OFF)]

    def cost(rows: pd.DataFrame) -> float:
        best = rows.groupby(["hp.model", "hp.depth"])["test_accuracy"].max()
        none = where(rows, **OFF).groupby(["hp.model", "hp.depth"])["test_accuracy"].mean()
        return float((best - none).mean())

    return average_over_seeds(ledger.dropna(subset=settings), cost)


def _accuracy_of_none(evidence: Evidence) -> Finding:
    """Compute the test accuracy without any of the four."""
    ledger = where(_true(evidence), **OFF)
    plain = ledger[~(ledger["hp.batch_norm"] & (ledger["hp.model"] != "mlp"))]
    return average_over_seeds(plain, lambda rows: float(rows["test_accuracy"].mean()))


def _random_labels(evidence: Evidence) -> Finding:
    random = where(evidence.ledger, corruption="random_labels")
    decayed = random[random["hp.weight_decay"] > 0]
    return average_over_seeds(decayed, lambda rows: float(rows["train_accuracy"].min()))


def _batch_norm(evidence: Evidence) -> Finding:
    ledger = _true(evidence)
    convolutional = where(ledger[ledger["hp.model"] != "mlp"], **OFF)
    return contrast(where(convolutional, batch_norm=True), where(convolutional, batch_norm=False), "test_accuracy")


def _early_stopping(evidence: Evidence) -> Finding:
    """Compare the best test accuracy at a checkpoint with the last, over all networks on true labels."""
    best = evidence.curves.groupby("run_id")["test_accuracy"].max()
    ledger = _true(evidence)
    gain = best.reindex(ledger["run_id"]).to_numpy() - ledger["test_accuracy"].to_numpy()
    return average_over_seeds(ledger.assign(gain=gain.clip(min=0)), lambda rows: float(rows["gain"].mean()))


def _series(evidence: Evidence) -> list[Series]:
    ledger = evidence.ledger
    on = {
        "aug": ledger["hp.augmentation"] != "none",
        "decay": ledger["hp.weight_decay"] > 0,
        "drop": ledger["hp.dropout"] > 0,
        "norm": ledger["hp.batch_norm"] & (ledger["hp.model"] != "mlp"),
    }
    true = where(ledger.assign(setting=combined(on)), corruption="true_labels")
    return [line(str(name), rows, "setting", "test_accuracy") for name, rows in true.groupby("hp.model")]


FIGURE: Final = Figure(
    x="regularizers: augmentation, weight decay, dropout, batch norm",
    y="test accuracy",
    series=_series,
    categories=combinations_of(["aug", "decay", "drop", "norm"]),
)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="without_regularizers_they_still_generalize",
        statement="With augmentation, weight decay, dropout and batch norm off, networks still generalize.",
        source=SOURCE,
        published="test accuracy of 82.00 % (Inception without batch norm), 76.07 % (AlexNet), 52.39 % (MLP 3x512)",
        unit="test accuracy",
        holds=Range(low=0.5239),  # the lowest of the table's three kinds of network
        test=_accuracy_of_none,
    ),
    Claim(
        study=STUDY,
        name="regularizers_are_worth_a_few_points",
        statement="The best set of regularizers is worth a few points of test accuracy.",
        source=SOURCE,
        published="3.56 points (Inception), 5.15 (AlexNet), 0.96 (MLP 3x512)",
        unit="test accuracy",
        holds=Range(0, 0.0515),  # the largest of the three
        test=_cost_of_none,
    ),
    Claim(
        study=STUDY,
        name="random_labels_are_fitted_under_weight_decay",
        statement="Random labels are still fitted with weight decay on.",
        source="Zhang et al. 2021, doi:10.1145/3446776, sec. 3",
        published="Inception and MLPs still fit perfectly",
        unit="training accuracy, lowest of each seed",
        holds=Range(low=0.99),
        test=_random_labels,
    ),
    Claim(
        study=STUDY,
        name="batch_norm_is_worth_a_few_points",
        statement="Batch norm improves generalization by a few points.",
        source=f"{SOURCE}, sec. 3",
        published="3.75 points (85.75 % to 82.00 %)",
        unit="test accuracy",
        holds=Range(0, 0.05),  # "only 3 to 4 %"
        test=_batch_norm,
    ),
    Claim(
        study=STUDY,
        name="early_stopping_gains_nothing",
        statement="On small images early stopping is of no benefit.",
        source="Zhang et al. 2021, doi:10.1145/3446776, sec. 3, fig. 2b",
        published="no potential benefit on CIFAR-10",
        unit="test accuracy, best checkpoint minus last",
        holds=Range(high=0.01),  # a point: the maximum of several noisy accuracies is biased
        test=_early_stopping,
    ),
)
