"""Rows of a leaderboard: one measure each, in order, with the statistics that terminal, Markdown and page show."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from leaderboard.ranking.entry import direction_of
from leaderboard.ranking.excerpt import AnyEntry, Ranking, best_first
from leaderboard.statistics.estimator_noise import ranks_draws
from leaderboard.statistics.granulated import Sample
from leaderboard.statistics.resampling import Interval

Verdict = Literal["better", "worse", "not told apart", ""]
Sign = Literal["as expected", "reversed", "unclear", "unknown", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One statistic with its interval; where it has no value, the reason."""

    value: float | None
    interval: Interval | None = None
    why: str = ""

    def times(self, sign: int) -> "Figure":
        """The statistic and its interval times a sign of +1 or -1."""
        return Figure(
            value=None if self.value is None else sign * self.value,
            interval=None if self.interval is None else self.interval.times(sign),
            why=self.why,
        )


ROUNDING: Final = 1e-12  # between equal Psi
NEEDS: Final = {  # by what a measure declares, the most demanding first
    "refit": "retraining",
    "trajectory": "trajectory",
    "unlabeled": "unlabeled inputs",
    "twin": "second run",
}

NOTHING: Final = Figure(value=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of a leaderboard.

    Attributes:
        position: among all rows, controls included, from 1.
        place: rank among the measures, from 1; equal Psi share one; controls, measures without a Psi and those that
            rank draws of their estimator have none.
        track: the data that it may use; empty where the metadata do not say it.
        expected_sign: +1 if larger scores should mean larger gaps, -1 if smaller ones should; None if unknown.
        across: psi of the hyperparameter that defines the strata, which is no part of Psi.
        seconds: median cost for one network.
        networks: how many have a score.
        outcomes: number of networks by how scoring them ended.
        chance: verdict on Psi against chance within strata.
        hyperparameter: verdict on what the score says beside the joint prediction of all hyperparameters.
        labels: number of labelled held-out examples that order the networks as well.
        pareto: whether no measure is both better and cheaper; None where Psi or cost is missing.
        noise: spread over draws of its estimator relative to that over networks; None where unknown.
        resampled: whether intervals were asked for; a Psi without one is then of too few networks.
    """

    name: str
    position: int
    place: int | None
    family: str
    track: str
    control: bool
    expected_sign: int | None
    psi: Figure
    across: Figure
    tau_b: Figure
    tau_b_within: Figure
    gate: Figure
    seconds: float | None
    networks: int
    outcomes: Mapping[str, int]
    chance: Verdict = ""
    hyperparameter: Verdict = ""
    labels: Figure = NOTHING
    pareto: bool | None = None
    noise: float | None = None
    resampled: bool = False

    @property
    def ranks_draws(self) -> bool:
        """Whether it has no rank because its estimator is too noisy."""
        return ranks_draws(self.noise)

    @property
    def better_than(self) -> str:
        """Baselines that Psi, in the expected direction, beats or falls below; "neither" of chance and hp, or empty."""
        verdicts = {"chance": self.chance, "hp": self.hyperparameter}
        better = ", ".join(what for what, verdict in verdicts.items() if verdict == "better")
        worse = " and ".join(what for what, verdict in verdicts.items() if verdict == "worse")
        words = "; ".join(part for part in (better, f"worse than {worse}" if worse else "") if part)
        return words or ("neither" if any(verdicts.values()) else "")

    @property
    def direction(self) -> int:
        """The expected sign, or that of Psi if it is unknown."""
        return direction_of(self.expected_sign, self.psi.value)

    @property
    def sign(self) -> Sign:
        """Whether Psi has the expected sign; unclear if its interval contains zero, or is missing though asked for.

        Unknown if neither sign is expected. Empty without a Psi, and for controls, of which nothing is expected.
        """
        if self.psi.value is None or self.control:
            return ""
        if self.expected_sign is None:
            return "unknown"
        low, high = self.psi.interval or ((-1, 1) if self.resampled else (self.psi.value, self.psi.value))
        if low <= 0 <= high:
            return "unclear"
        return "as expected" if self.psi.value * self.expected_sign > 0 else "reversed"


def rows_of(ranking: Ranking) -> list[Row]:
    """The rows of the leaderboard, best first; measures whose Psi is equal up to rounding share a rank."""
    rows: list[Row] = []
    place = ranked = 0
    last = math.inf
    for position, name in enumerate(best_first(ranking.measures), start=1):
        entry = ranking.measures[name]
        here = None
        if not entry.control and entry.Psi is not None and not ranks_draws(entry.noise):
            ranked += 1
            if last - (turned := entry.Psi * entry.direction) > ROUNDING:
                place, last = ranked, turned
            here = place
        rows.append(_row(name, entry, ranking, position, here))
    return rows


def apart_name(ranking: Ranking) -> str:
    """The plain name of the hyperparameter that Psi compares within; empty if it compares along all."""
    return plain_name(ranking.apart[0]) if ranking.apart else ""


def plain_name(column: str) -> str:
    """The name of a ledger's column without its prefix: corruption of hp.corruption."""
    return column.partition(".")[2] or column


def _row(name: str, entry: AnyEntry, ranking: Ranking, position: int, place: int | None) -> Row:
    why, within, gate, labels = entry.why, entry.within, entry.gate, entry.label_equivalents
    chance, beside = entry.told_from.random, entry.told_from.hyperparameters
    return Row(
        name=name,
        position=position,
        place=place,
        family=entry.family or "",
        track=_track(entry),
        control=entry.control,
        expected_sign=entry.expected_sign,
        psi=Figure(value=entry.Psi, interval=entry.interval.Psi, why=why.get("Psi", "")),
        across=_across(entry, ranking),
        tau_b=Figure(value=entry.tau_b, interval=entry.interval.tau_b, why=why.get("tau_b", "")),
        tau_b_within=Figure(
            value=None if within is None else within.tau_b,
            interval=None if within is None else within.interval.tau_b,
            why=why.get("within.tau_b") or why.get("within", ""),
        ),
        gate=Figure(
            value=None if gate is None else gate.auc,
            interval=None if gate is None else gate.interval,
            why=why.get("gate", ""),
        ),
        seconds=entry.cost.median_seconds,
        networks=entry.n,
        outcomes=entry.outcomes,
        chance="" if chance is None else chance.verdict,
        hyperparameter="" if beside is None else beside.verdict or "",
        labels=Figure(
            value=None if labels is None else labels.examples,
            interval=None if labels is None else labels.interval,
            why=why.get("label_equivalents", ""),
        ),
        pareto=entry.pareto,
        noise=entry.noise,
        resampled=ranking.bootstrap > 0,
    )


def _across(entry: AnyEntry, ranking: Ranking) -> Figure:
    """Psi along the hyperparameter that Psi compares within."""
    if not ranking.apart:
        return NOTHING
    name = ranking.apart[0]
    return Figure(value=entry.psi.get(name), why=entry.why.get(f"psi.{name}", ""))


def _track(entry: AnyEntry) -> str:
    """The track of a measure; if the metadata do not have it, from its needs; empty if neither is known."""
    return entry.track or next((track for need, track in NEEDS.items() if need in entry.needs), "")


def sampled_pairs(sampled: Mapping[str, Sample]) -> str:
    """Write along which hyperparameters not all pairs are compared, and how much that may change psi."""
    parts = [
        f"{one.pairs:,} of {one.of:,} pairs along {plain_name(name)} (psi ± {one.error:.2g})"
        for name, one in sampled.items()
    ]
    return f"compared {', '.join(parts)}"
