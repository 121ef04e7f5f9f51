"""Claims of Ji, Li & Telgarsky 2021 on early stopping under noisy labels."""

from typing import Final

import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, chosen_on_other_seeds, contrast, noise_level, ratio
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Ji, Li & Telgarsky 2021, arXiv:2106.05932, abstract"
STUDY: Final = "early_stopping"


def _curves(evidence: Evidence) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select the checkpoints of networks on true and on noisy labels, with their seeds."""
    ledger = evidence.ledger.assign(noise=noise_level(evidence.ledger))
    curves = evidence.curves.merge(ledger[["run_id", "seed", "noise"]], on="run_id")
    return curves[curves["noise"] == 0], curves[curves["noise"] > 0]


def _ends(curves: pd.DataFrame) -> pd.DataFrame:
    return curves[curves["epoch"] == curves.groupby("run_id")["epoch"].transform("max")]


def _stopped(curves: pd.DataFrame, by: str) -> pd.DataFrame:
    """Select, for each seed, the checkpoint before the last that is best by this column on the other seeds."""
    return chosen_on_other_seeds(curves.drop(_ends(curves).index), "epoch", by)


def _accuracy(evidence: Evidence) -> Finding:
    _, noisy = _curves(evidence)
    return contrast(_stopped(noisy, "test_accuracy"), _ends(noisy), "test_accuracy")


def _loss(evidence: Evidence) -> Finding:
    _, noisy = _curves(evidence)
    lower = noisy.assign(gain=-noisy["test_loss"])
    return ratio(_stopped(lower, "gain"), _ends(lower), "test_loss")


def _recovered(evidence: Evidence) -> Finding:
    """Compute, for each seed, the share of the accuracy that noise costs at the end which the early stop has back."""
    true, noisy = _curves(evidence)
    stopped = _stopped(noisy, "test_accuracy")
    stages = {"best": _ends(true), "stopped": stopped, "end": _ends(noisy)}
    rows = pd.concat([frame.assign(stage=stage) for stage, frame in stages.items()])

    def share(own: pd.DataFrame) -> float:
        mean = own.groupby("stage")["test_accuracy"].mean().reindex(list(stages))
        lost = mean["best"] - mean["end"]
        return float((mean["stopped"] - mean["end"]) / lost) if lost > 0 else float("nan")

    return average_over_seeds(rows, share)


def _series(evidence: Evidence) -> list[Series]:
    names = ("true labels", "noisy labels")
    return [line(name, rows, "epoch", "test_accuracy") for name, rows in zip(names, _curves(evidence), strict=True)]


FIGURE: Final = Figure(x="epoch", y="test accuracy", series=_series, log=True)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="early_stopping_helps_accuracy",
        statement="On noisy labels the network of an early epoch has a higher test accuracy than the last.",
        source=SOURCE,
        published="gradient descent with early stopping achieves population risk arbitrarily close to optimal",
        unit="test accuracy, early stop minus end",
        holds=Range(low=0),
        test=_accuracy,
    ),
    Claim(
        study=STUDY,
        name="early_stopping_helps_the_loss",
        statement="On noisy labels the network of an early epoch has a smaller logistic test loss than the last.",
        source=SOURCE,
        published="not just in terms of misclassification but also of the logistic loss",
        unit="test loss at the early stop over that at the end",
        holds=Range(high=1),
        test=_loss,
    ),
    Claim(
        study=STUDY,
        name="early_stopping_comes_near_the_best",
        statement="An early stop has back more than half of the accuracy that noisy labels cost at the end.",
        source=SOURCE,
        published="arbitrarily close to optimal",
        unit="share of the lost test accuracy",
        holds=Range(low=0.5),  # nearer to the network on true labels than to the last one on noisy labels
        test=_recovered,
    ),
)
