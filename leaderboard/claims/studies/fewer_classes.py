"""Claims of Qian et al. 2020 on robustness and the number of classes."""

from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import contrast, ratio
from leaderboard.claims.figure import Figure, Series, line

SOURCE: Final = "Qian et al. 2020, arXiv:2002.09422, abstract"
STUDY: Final = "fewer_classes"
TWO: Final = 2


def _by_classes(evidence: Evidence, *, adversarial: bool) -> pd.DataFrame:
    """Add the number of classes; 0 for all of them. Select networks with or without adversarial training."""
    ledger = evidence.ledger
    classes = ledger["hp.merged"].map(lambda merged: len(set(merged.split())) if isinstance(merged, str) else 0)
    return ledger.assign(classes=classes)[(ledger["hp.adversarial_radius"] > 0) == adversarial]


def _robustness(evidence: Evidence, *, adversarial: bool) -> Finding:
    own = _by_classes(evidence, adversarial=adversarial)
    return ratio(own[own["classes"] == TWO], own[own["classes"] == 0], "measure.adv_radius")


def _detail_helps(evidence: Evidence) -> Finding:
    """Compare, on the task of two classes, networks that learned all classes with those that learned the two."""
    own = _by_classes(evidence, adversarial=False)
    two, every = own[own["classes"] == TWO], own[own["classes"] == 0]
    merged = np.array([int(number) for number in two["hp.merged"].iloc[0].split()])
    predictions, labels = evidence.arrays["test_predictions"], evidence.arrays["test_labels"]
    right = [
        float((merged[np.asarray(predictions[run])] == merged[np.asarray(labels[run])]).mean())
        for run in every["run_id"]
    ]
    return contrast(every.assign(test_accuracy=right), two, "test_accuracy")


def _series(evidence: Evidence) -> list[Series]:
    names = {False: "standard training", True: "adversarial training"}
    frames = {name: _by_classes(evidence, adversarial=adversarial) for adversarial, name in names.items()}
    return [
        line(name, rows.assign(words=rows["classes"].replace(0, 10).astype(str)), "words", "measure.adv_radius")
        for name, rows in frames.items()
    ]


FIGURE: Final = Figure(
    x="classes", y="mean distance from the boundary", series=_series, categories=("2", "5", "10")
)  # fmt: skip


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="fewer_classes_are_more_robust",
        statement="A classifier of two classes is harder to fool than one of all classes of the same images.",
        source=SOURCE,
        published="simpler classifiers, formed by reducing the number of output classes, are less susceptible",
        unit="mean distance from the boundary, ratio to that of all classes",
        holds=Range(low=1),
        test=partial(_robustness, adversarial=False),
    ),
    Claim(
        study=STUDY,
        name="also_under_adversarial_training",
        statement="A classifier of two classes is harder to fool also under adversarial training.",
        source=SOURCE,
        published="can be combined with known defense techniques such as adversarial training",
        unit="mean distance from the boundary, ratio to that of all classes",
        holds=Range(low=1),
        test=partial(_robustness, adversarial=True),
    ),
    Claim(
        study=STUDY,
        name="elaborate_labels_help_accuracy",
        statement="On the task of two classes, networks that learned all classes have a higher test accuracy.",
        source=SOURCE,
        published="elaborate label information can help standard accuracy but harm robustness",
        unit="test accuracy on two classes, learned on all minus learned on two",
        holds=Range(low=0),
        test=_detail_helps,
    ),
)
