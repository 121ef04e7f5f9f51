"""Entry of a report: everything about one measure, as typed values.

Fields bear the names of the JSON's keys. A statistic without a value is None, and `why` has the reason under its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from leaderboard.ledger.metadata import Metadata
from leaderboard.statistics.fragility import Fragility
from leaderboard.statistics.resampling import Interval

Verdict = Literal["better", "worse", "not told apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """Effective number of pairs of an environment: the smallest and the median over environments."""

    min: float
    median: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignErrors:
    """Weighted sign errors over some environments; see `leaderboard.statistics.sign_error`."""

    mean: float
    p90: float
    max: float
    environments: int
    effective: Effective


@dataclass(frozen=True, slots=True, kw_only=True)
class SignErrorsByAxis(SignErrors):
    """Weighted sign errors over all environments.

    Attributes:
        histogram: number of environments in each tenth of [0, 1].
        along: over the environments of each hyperparameter.
    """

    histogram: Sequence[int]
    along: Mapping[str, SignErrors]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Bootstrap intervals at 95 %."""

    tau_b: Interval | None
    Psi: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticValues:
    """Statistics of one measure on one set of n networks, of the raw score.

    Attributes:
        cmi_given, pgdl_given: the hyperparameters given which the information is least.
        psi: by hyperparameter.
    """

    n: int
    tau_a: float | None
    tau_b: float | None
    spearman: float | None
    partial_spearman: float | None
    sign_error: SignErrorsByAxis | None
    cmi: float | None
    cmi_given: Sequence[str] | None
    pgdl: float | None
    pgdl_given: Sequence[str] | None
    Psi: float | None
    psi: Mapping[str, float | None]
    interval: Intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics(StatisticValues):
    """Statistics of one measure on one set of networks, and the reasons for those that are None."""

    why: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """Psi within strata, and its distribution when scores are permuted within strata."""

    Psi: float
    p: float
    mean: float
    sd: float
    p_adjusted: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Comparison of a measure with chance."""

    verdict: Verdict
    networks_needed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """Test whether a measure says more of the target than the joint prediction of all hyperparameters does.

    Attributes:
        rho: Spearman's correlation of the out-of-fold residuals of score and target, over configurations.
        interactions: whether the prediction knows the interactions of any two hyperparameters.
        p: two-sided, for permuted residuals.
    """

    rho: float
    interactions: bool
    p: float
    networks_needed: int | None
    p_adjusted: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFrom:
    """Verdicts on a measure: against chance, and beside all hyperparameters."""

    random: Chance | None
    hyperparameters: Beyond | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """Squared error of the cross-fitted prediction with and without the measure."""

    delta_mse: float
    mse_without: float
    mse_with: float
    folds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalsGiven:
    """Bootstrap intervals at 95 % of the statistics given the hyperparameters."""

    partial_spearman: Interval | None = None
    residual_spearman: Interval | None = None
    increment: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Conformal prediction intervals for the target of a new network."""

    nominal: float
    coverage: float
    half_width: float
    half_width_without: float
    splits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEquivalents:
    """Number of labelled examples that order the networks as well; the true one is larger where `censored`."""

    examples: float
    censored: bool
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrataCounts:
    """Number of strata in which a statistic has a value."""

    tau_b: int
    Psi: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumMean:
    """Tau-b and Psi averaged over the strata, with the smallest and the largest."""

    strata: StrataCounts
    interval: Intervals
    range: Intervals
    tau_b: float | None
    Psi: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Outcome of the randomization gate; see `leaderboard.statistics.gate`."""

    auc: float
    interval: Interval | None
    true: int
    random: int
    matched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of a measure for one network."""

    median_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(StatisticValues):
    """Everything that the report contains about one measure.

    Attributes:
        interval_given: intervals of the statistics given the hyperparameters.
        within, across: means over the strata, and over the data sets.
        outcomes: number of networks by how scoring them ended.
        pareto: whether no other measure is both better and cheaper.
    """

    null: Null | None
    told_from: ToldFrom
    residual_spearman: float | None
    increment: Increment | None
    interval_given: IntervalsGiven
    prediction: Prediction | None
    fragility: Fragility | None
    label_equivalents: LabelEquivalents | None
    within: StratumMean | None
    across: StratumMean | None
    gate: Gate | None
    cost: Cost
    outcomes: Mapping[str, int]
    why: Mapping[str, str]
    about: Metadata
    pareto: bool | None

    @property
    def family(self) -> str | None:
        """Kind of measure."""
        return self.about.family

    @property
    def track(self) -> str | None:
        """Data that it may use."""
        return self.about.track

    @property
    def needs(self) -> Sequence[str]:
        """Inputs beyond the trained network and its training data."""
        return self.about.needs

    @property
    def control(self) -> bool:
        """Whether it is a control, which takes no rank."""
        return self.about.control

    @property
    def noise(self) -> float | None:
        """Noise of its estimator, see `leaderboard.statistics.estimator_noise`; None where unknown."""
        return self.about.noise

    @property
    def expected_sign(self) -> int | None:
        """+1 if larger scores should mean larger gaps, -1 if smaller ones should; None if unknown."""
        return self.about.expected_sign

    @property
    def direction(self) -> int:
        """The expected sign, or that of Psi if it is unknown."""
        return direction_of(self.expected_sign, self.Psi)

    @property
    def directed_psi(self) -> float | None:
        """Psi times the expected sign, or |Psi| if that is unknown: what measures are ordered by."""
        return None if self.Psi is None else self.Psi * self.direction

    def to_json(self) -> dict[str, object]:
        """Convert to plain dictionaries, lists and numbers, with the metadata among the fields."""
        found: dict[str, object] = msgspec.to_builtins(self)
        pareto = found.pop("pareto")
        del found["about"]
        return {**found, **self.about.to_json(), "pareto": pareto}


def direction_of(expected_sign: int | None, psi: float | None) -> int:
    """Resolve the sign by which figures of a measure are turned: the expected one, or that of its Psi if unknown."""
    if expected_sign is not None:
        return expected_sign
    return -1 if psi is not None and psi < 0 else 1
