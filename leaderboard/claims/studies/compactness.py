"""Claims of Chumachenko et al. 2021 on the compactness of classes among the features."""

from typing import Final

from leaderboard.claims.claim import Claim, Evidence, Finding, Range
from leaderboard.claims.effects import average_over_seeds, rank_correlation
from leaderboard.claims.figure import Figure, Series, dots

SOURCE: Final = "Chumachenko et al. 2021, abstract"
STUDY: Final = "compactness"
EARLY, LATE = "observed.early_class_spread", "observed.late_class_spread"


def _not_predictive(evidence: Evidence) -> Finding:
    """Compute, for each seed, the rank correlation of compactness with test accuracy."""
    return average_over_seeds(
        evidence.ledger, lambda rows: rank_correlation(-rows["measure.cdnv"], rows["test_accuracy"])
    )


def _spreads(evidence: Evidence) -> Finding:
    """Compute, for each seed, the mean over networks of the late spread over the early one."""
    grown = evidence.ledger.assign(grown=evidence.ledger[LATE] / evidence.ledger[EARLY])
    return average_over_seeds(grown, lambda rows: float(rows["grown"].mean()))


def _series(evidence: Evidence) -> list[Series]:
    return [
        dots(str(model), rows["measure.cdnv"].tolist(), rows["test_accuracy"].tolist())
        for model, rows in evidence.ledger.groupby("hp.model")
    ]


FIGURE: Final = Figure(x="variance within classes over their distance (cdnv)", y="test accuracy", series=_series)


CLAIMS: Final = (
    Claim(
        study=STUDY,
        name="compact_classes_do_not_mean_accuracy",
        statement="Networks whose classes are more compact among the features do not necessarily perform better.",
        source=SOURCE,
        published="models that learn more class-invariant features do not necessarily perform better",
        unit="rank correlation of compactness and test accuracy",
        holds=Range(high=0.5),  # "not necessarily": compactness explains at most a quarter of the ranks' variance
        test=_not_predictive,
    ),
    Claim(
        study=STUDY,
        name="classes_spread_during_training",
        statement="During training the variance of the features within classes increases.",
        source=SOURCE,
        published="during training, class-wise variance increases",
        unit="variance within classes at the end over that after the first epoch",
        holds=Range(low=1),
        test=_spreads,
    ),
)
