"""Predict the target of each network of a zoo from a reference zoo, as intervals by measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
import pandas as pd

from leaderboard.errors import LedgerError
from leaderboard.ledger.arrays import networks_of
from leaderboard.ledger.column_names import suggest
from leaderboard.ledger.corruption import trained_on_random_labels
from leaderboard.ledger.read import check_ledger, names_of
from leaderboard.ledger.targets import Target, limits_of, target_of
from leaderboard.prediction.rule import Rule, Split
from leaderboard.prediction.support import Difference, compare_support
from leaderboard.statistics.conformal import NOMINAL
from leaderboard.statistics.pairs import Floats
from leaderboard.statistics.resampling import Interval
from leaderboard.statistics.undefined import UndefinedError

OUTSIDE: Final = 0.1  # share of a network's scores beyond those of the reference, above which nothing is predicted


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Prediction from one measure; None and a reason where the score is missing or outside the reference's range."""

    value: float | None = None
    interval: Interval | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPrediction:
    """Prediction for one network.

    Attributes:
        run_id: name of the network.
        measure: the measure that predicts: of those with a score, the one with the smallest error on the fitting half.
        predicted: by this measure; its interval is None where the network is outside the reference's support.
        observed: its target, if known.
        outside: number of its scores outside the reference's range.
        scores: number of its scores that the reference has a rule for.
        warnings: in what the network differs from those of the reference.
        measures: the prediction by each measure.
    """

    run_id: str
    measure: str | None
    predicted: Predicted
    observed: float | None
    outside: int
    scores: int
    warnings: Sequence[Difference]
    measures: Mapping[str, Predicted]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRule:
    """How well a measure predicts.

    Attributes:
        half_width: of its intervals.
        error: its mean absolute error on the fitting half of the reference.
        networks: of the reference, with a score.
        intervals: number of the networks with an interval and a known target.
        covered: number of those whose target lies in it.
    """

    half_width: float
    error: float
    networks: int
    intervals: int
    covered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionReport:
    """Predictions for all networks.

    Attributes:
        target: what is predicted.
        nominal: share of networks drawn like the reference's whose target their interval contains.
        reference_networks, reference_configurations: what the rules are from.
        half_width_without: half width of the interval around the mean target, which needs no score.
        warnings: in what all networks differ from those of the reference.
        measures: by name, that with the smallest error first.
        why: why a measure of the networks has no rule, by name.
        networks: one for each, in the table's order.
        intervals, covered: of the measures that predict, as in `MeasureRule`.
    """

    target: Target
    nominal: float = NOMINAL
    reference_networks: int
    reference_configurations: int
    half_width_without: float
    warnings: Sequence[str]
    measures: Mapping[str, MeasureRule]
    why: Mapping[str, str] = field(default_factory=dict)
    networks: Sequence[NetworkPrediction]
    intervals: int
    covered: int

    def to_json(self) -> dict[str, object]:
        """Convert to plain dictionaries, lists and numbers."""
        found: dict[str, object] = msgspec.to_builtins(self)
        return found


def predict(
    reference: pd.DataFrame,
    networks: pd.DataFrame,
    *,
    target: Target = "gap",
    measures: Sequence[str] | None = None,
    why: Mapping[str, str] | None = None,
    seed: int = 0,
) -> PredictionReport:
    """Predict the target of each network from its scores.

    The reference's networks with random labels, without a target or not converged have no part.

    Args:
        reference: ledger with targets.
        networks: ledger, `leaderboard.ledger.read.check_ledger` with `targets=False`.
        target: what to predict.
        measures: by which; all that both ledgers have if None.
        why: measures that must not predict, with the reason, such as another version.
        seed: of the split of the reference's configurations.

    Raises:
        LedgerError: a ledger that cannot be used, or no measure in common.
    """
    known = _reference_part(check_ledger(reference), target)
    arrays, _ = networks_of(known, target, None, None)
    split = Split(arrays.target, arrays.configuration, seed)
    try:
        without = split.rule()
    except UndefinedError as reason:
        raise LedgerError(f"The reference cannot predict: {reason}") from reason
    reasons = dict(why or {})
    rules: dict[str, Rule] = {}
    for name in names_of(networks, "measure") if measures is None else measures:
        if name in reasons:
            continue
        if name not in arrays.scores:
            reasons[name] = "The reference does not have it."
            continue
        try:
            rules[name] = split.rule(arrays.scores[name])
        except UndefinedError as reason:
            reasons[name] = str(reason)
    here = names_of(networks, "measure")
    if unknown := next((name for name in measures or () if name not in here), None):
        raise LedgerError(f"The networks have no scores of {unknown!r}. {suggest(unknown, here)}")
    if not rules:
        example = next((f" {name}: {text}" for name, text in reasons.items()), "")
        raise LedgerError(f"No measure has scores of these networks and of the reference's.{example}")
    rules = dict(sorted(rules.items(), key=lambda one: (one[1].error, one[0])))
    support = compare_support(known, networks)
    observed = _observed(networks, target)
    by_measure = {name: _by_one(rule, networks, name, limits_of(target)) for name, rule in rules.items()}
    inside = set(known["run_id"].astype(str))
    found = [
        _network(
            run_id,
            {name: each[place] for name, each in by_measure.items()},
            None if np.isnan(observed[place]) else float(observed[place]),
            (
                *([Difference("run_id", "it is one of the reference's networks")] if run_id in inside else []),
                *support.own[place],
            ),
        )
        for place, run_id in enumerate(networks["run_id"].astype(str))
    ]
    judged = {name: _judge(each, observed) for name, each in by_measure.items()}
    intervals, covered = _judge([one.predicted for one in found], observed)
    return PredictionReport(
        target=target,
        reference_networks=len(known),
        reference_configurations=arrays.size,
        half_width_without=without.half_width,
        warnings=support.common,
        measures={
            name: MeasureRule(
                half_width=rule.half_width,
                error=rule.error,
                networks=rule.networks,
                intervals=judged[name][0],
                covered=judged[name][1],
            )
            for name, rule in rules.items()
        },
        why=reasons,
        networks=found,
        intervals=intervals,
        covered=covered,
    )


def _reference_part(reference: pd.DataFrame, target: Target) -> pd.DataFrame:
    kept = target_of(reference, target).notna().to_numpy() & ~trained_on_random_labels(reference)
    if "converged" in reference:
        kept &= reference["converged"].to_numpy(dtype=np.bool_)
    if not kept.any():
        raise LedgerError(f"The reference must hold networks with a {target}, converged and not of random labels.")
    return reference[kept].reset_index(drop=True)


def _observed(networks: pd.DataFrame, target: Target) -> Floats:
    if target not in networks:
        return np.full(len(networks), np.nan)
    return np.asarray(target_of(networks, target), dtype=np.float64)


def _by_one(rule: Rule, networks: pd.DataFrame, name: str, limits: tuple[float, float]) -> list[Predicted]:
    """Predict every network by one measure."""
    column = f"measure.{name}"
    if column not in networks:
        return [Predicted(why="It has no score.")] * len(networks)
    scores = networks[column].to_numpy(dtype=np.float64)
    centres = rule.predict(np.where(np.isfinite(scores), scores, rule.low))
    found = []
    for score, centre in zip(scores.tolist(), centres.tolist(), strict=True):
        if not np.isfinite(score):
            found.append(Predicted(why="It has no score."))
        elif not rule.low <= score <= rule.high:
            found.append(Predicted(why=f"{name} is {score:.3g}, in the reference {rule.low:.3g} to {rule.high:.3g}."))
        else:
            low, high = (float(np.clip(centre + side, *limits)) for side in (-rule.half_width, rule.half_width))
            found.append(Predicted(value=float(np.clip(centre, *limits)), interval=Interval(low, high)))
    return found


def _network(
    run_id: str, by_measure: Mapping[str, Predicted], observed: float | None, warnings: Sequence[Difference]
) -> NetworkPrediction:
    """Choose the prediction of one network, or abstain. The first measures have the smallest errors."""
    missing = Predicted(why="It has no score.")
    scored = {name: one for name, one in by_measure.items() if one != missing}
    outside = sum(one.interval is None for one in scored.values())
    measure = next(iter(scored), None)
    chosen = missing if measure is None else scored[measure]
    if chosen.interval is not None and outside > OUTSIDE * len(scored):
        chosen = Predicted(why=f"{outside} of its {len(scored)} scores are outside the reference's range.")
    return NetworkPrediction(
        run_id=run_id,
        measure=measure,
        predicted=chosen,
        observed=observed,
        outside=outside,
        scores=len(scored),
        warnings=warnings,
        measures=by_measure,
    )


def _judge(predicted: Sequence[Predicted], observed: Floats) -> tuple[int, int]:
    """Count the intervals of networks with a known target, and those that contain it."""
    pairs = [
        (one.interval, value)
        for one, value in zip(predicted, observed.tolist(), strict=True)
        if one.interval is not None and not np.isnan(value)
    ]
    return len(pairs), sum(low <= value <= high for (low, high), value in pairs)
