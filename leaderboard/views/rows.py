"""Rows of a leaderboard: one measure each, in order, with the statistics that terminal, Markdown and page show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from leaderboard.ranking.excerpt import AnyEntry, Ranking, best_first
from leaderboard.statistics.estimator_noise import ranks_draws
from leaderboard.statistics.resampling import Interval

Verdict = Literal["better", "worse", "not told apart", ""]
Sign = Literal["as expected", "reversed", "unclear", ""]


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


NOTHING: Final = Figure(value=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of a leaderboard.

    Attributes:
        position: among all rows, controls included, from 1.
        place: rank among the measures, from 1; controls, measures without a Psi and those that rank draws of their
            estimator have none.
        expected_sign: +1 if larger scores should mean larger gaps, -1 if smaller ones should.
        seconds: median cost for one network.
        networks: how many have a score.
        outcomes: number of networks by how scoring them ended.
        chance: verdict on Psi against chance within strata.
        hyperparameter: verdict on Psi against that of the best hyperparameter.
        rival: name of that hyperparameter.
        labels: number of labelled held-out examples that order the networks as well.
        pareto: whether no measure is both better and cheaper; None where Psi or cost is missing.
        noise: spread over draws of its estimator relative to that over networks; None where unknown.
        resampled: whether intervals were asked for; a Psi without one is then of too few networks.
    """

    name: str
    position: int
    place: int | None
    family: str
    control: bool
    expected_sign: int
    psi: Figure
    tau_b: Figure
    tau_b_within: Figure
    gate: Figure
    seconds: float | None
    networks: int
    outcomes: Mapping[str, int]
    chance: Verdict = ""
    hyperparameter: Verdict = ""
    rival: str = ""
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
    def sign(self) -> Sign:
        """Whether Psi has the expected sign; unclear if its interval contains zero, or is missing though asked for.

        Empty without a Psi, and for controls, of which nothing is expected.
        """
        if self.psi.value is None or self.control:
            return ""
        low, high = self.psi.interval or ((-1, 1) if self.resampled else (self.psi.value, self.psi.value))
        if low <= 0 <= high:
            return "unclear"
        return "as expected" if self.psi.value * self.expected_sign > 0 else "reversed"


def rows_of(ranking: Ranking) -> list[Row]:
    """The rows of the leaderboard, best first."""
    rows: list[Row] = []
    place = 0
    for position, name in enumerate(best_first(ranking.measures), start=1):
        entry = ranking.measures[name]
        ranked = not entry.control and entry.Psi is not None and not ranks_draws(entry.noise)
        place += ranked
        rows.append(_row(name, entry, position, place if ranked else None, resampled=ranking.bootstrap > 0))
    return rows


def plain_name(column: str) -> str:
    """The name of a ledger's column without its prefix: corruption of hp.corruption."""
    return column.partition(".")[2] or column


def _row(name: str, entry: AnyEntry, position: int, place: int | None, *, resampled: bool) -> Row:
    why, within, gate, labels = entry.why, entry.within, entry.gate, entry.label_equivalents
    chance, rival = entry.told_from.random, entry.told_from.hyperparameter
    return Row(
        name=name,
        position=position,
        place=place,
        family=entry.family or "",
        control=entry.control,
        expected_sign=entry.expected_sign,
        psi=Figure(value=entry.Psi, interval=entry.interval.Psi, why=why.get("Psi", "")),
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
        hyperparameter="" if rival is None else rival.verdict or "",
        rival="" if rival is None else rival.name,
        labels=Figure(
            value=None if labels is None else labels.examples,
            interval=None if labels is None else labels.interval,
            why=why.get("label_equivalents", ""),
        ),
        pareto=entry.pareto,
        noise=entry.noise,
        resampled=resampled,
    )
