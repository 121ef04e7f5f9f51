"""Compare a ranking on a public zoo with one on a held-out zoo: which verdicts are confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot
from typing import Final, Literal

from leaderboard.ranking.entry import Entry
from leaderboard.ranking.report import Compared, Comparison, Difference, HeldOutZoo, Report, Side
from leaderboard.statistics.estimator_noise import ranks_draws
from leaderboard.statistics.resampling import Interval
from leaderboard.views.rows import Figure, Row, rows_of

NO_SPREAD: Final = 1e-6  # an interval narrower than this is rounding
GIVEN: Final = (
    "as expected",
    "reversed",
    "better",
)  # verdicts that can be lost; the others claim nothing for a measure
COVERAGE: Final = "95 % each, of one measure alone"

Mark = Literal["holds", "does not hold", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One measure on both zoos.

    Attributes:
        place: rank among the compared measures, by Psi on the held-out zoo times the expected sign.
        public, held_out: Psi of the raw score.
        difference: held out minus public, of Psi times the expected sign; negative if it predicts less well there.
        verdicts: of each zoo on the sign, against chance and beside all hyperparameters (hp).
        lost: verdicts that the public zoo gives and the held-out one does not.
        mark: whether any is lost; empty if the public zoo gives none.
    """

    name: str
    place: int
    expected_sign: int | None
    public: Figure
    held_out: Figure
    difference: Figure
    verdicts: Mapping[str, tuple[str, str]]
    lost: tuple[str, ...]
    mark: Mark

    @property
    def verdict(self) -> str:
        """The mark, with the lost verdicts."""
        return f"{self.mark}: {', '.join(self.lost)}" if self.lost else self.mark

    @property
    def falls(self) -> bool:
        """Whether the interval of the difference lies below 0."""
        return self.difference.interval is not None and self.difference.interval[1] < 0


def beside(public: Report, held_out: Report) -> Comparison:
    """Compare two rankings, made with the same options on zoos without common networks, measure by measure.

    Controls are left out, since each zoo has its own. A measure that was not scored by the same code on both, or has
    no Psi on one, is listed with the reason.

    Args:
        public: of the zoo that everybody knows.
        held_out: of the zoo whose recipes nobody knew.
    """
    mine, theirs = ({row.name: row for row in rows_of(report) if not row.control} for report in (public, held_out))
    reasons = {name: _why_not(public.measures.get(name), held_out.measures.get(name)) for name in (theirs | mine)}
    axes = [set(report.hyperparameters) for report in (public, held_out)]
    return Comparison(
        figure="Psi",
        interval=COVERAGE,
        held_out=HeldOutZoo(models=held_out.models, provenance=held_out.provenance or {}),
        only_public_varies=sorted(axes[0] - axes[1]),
        only_held_out_varies=sorted(axes[1] - axes[0]),
        measures={name: _compared(mine[name], theirs[name]) for name in theirs if not reasons[name]},
        not_compared={name: reason for name, reason in reasons.items() if reason},
    )


def pairs_of(comparison: Comparison) -> list[Pair]:
    """The rows of a comparison, best on the held-out zoo first."""
    return [
        Pair(
            name=name,
            place=place,
            expected_sign=entry.expected_sign,
            public=Figure(value=entry.public.Psi, interval=entry.public.interval),
            held_out=Figure(value=entry.held_out.Psi, interval=entry.held_out.interval),
            difference=Figure(value=entry.difference.Psi, interval=entry.difference.interval),
            verdicts={
                "sign": (entry.public.sign, entry.held_out.sign),
                "chance": (entry.public.chance, entry.held_out.chance),
                "hp": (entry.public.hp, entry.held_out.hp),
            },
            lost=tuple(entry.lost),
            mark="" if entry.holds is None else "holds" if entry.holds else "does not hold",
        )
        for place, (name, entry) in enumerate(comparison.measures.items(), 1)
    ]


def not_compared(comparison: Comparison) -> dict[str, list[str]]:
    """Group the measures that are not compared by their reason."""
    names: dict[str, list[str]] = {}
    for name, reason in sorted(comparison.not_compared.items()):
        names.setdefault(reason, []).append(name)
    return names


def difference_interval(public: Figure, held_out: Figure, sign: int) -> Interval | None:
    r"""Compute the interval of a difference of two statistics of independent networks from their intervals.

    .. math:: d - \sqrt{(h - l_h)^2 + (u_p - p)^2}, \qquad d + \sqrt{(u_h - h)^2 + (p - l_p)^2}

    with d = h - p, all times the expected sign. It respects asymmetric intervals, as near 1, and needs no resamples,
    which two zoos of the same size and random seed would share. None if an interval is missing or has no
    width, as that of a coefficient of 1.
    Source: Zou & Donner 2008, doi:10.1002/sim.3095 (MOVER).
    """
    if public.value is None or held_out.value is None or public.interval is None or held_out.interval is None:
        return None
    if min(ends[1] - ends[0] for ends in (public.interval, held_out.interval)) < NO_SPREAD:
        return None
    p, h = sign * public.value, sign * held_out.value
    (low_p, high_p), (low_h, high_h) = public.interval.times(sign), held_out.interval.times(sign)
    return Interval(h - p - hypot(h - low_h, high_p - p), h - p + hypot(high_h - h, p - low_p))


def _why_not(public: Entry | None, held_out: Entry | None) -> str:
    """Explain why a measure is not compared; empty if it is."""
    if public is None or held_out is None:
        return f"scored on the {'held-out' if public is None else 'public'} zoo only"
    versions = public.about.version, held_out.about.version
    if versions[0] != versions[1]:
        return f"scored by version {versions[0]} on the public zoo, by version {versions[1]} on the held-out one"
    if (public.about.source_hash or "") != (held_out.about.source_hash or ""):
        return "scored by other code on each of the two zoos"
    for entry, zoo in ((public, "public"), (held_out, "held-out")):
        if entry.Psi is None:
            return f"without a Psi on the {zoo} zoo ({entry.why.get('Psi', 'no reason given').rstrip('.')})"
        if ranks_draws(entry.noise):
            return f"whose estimator is too noisy to rank on the {zoo} zoo"
    return ""


def _compared(public: Row, held_out: Row) -> Compared:
    sign, verdicts = public.direction, [_verdicts(row) for row in (public, held_out)]
    given = [what for what, verdict in verdicts[0].items() if verdict in GIVEN and verdicts[1][what]]
    turned = held_out.direction != sign  # of a measure of unknown sign: what it says of the gap is reversed
    lost = [what for what in given if turned or verdicts[0][what] != verdicts[1][what]]
    return Compared(
        expected_sign=held_out.expected_sign,
        public=_side(public),
        held_out=_side(held_out),
        difference=Difference(
            Psi=sign * (float(held_out.psi.value or 0) - float(public.psi.value or 0)),
            interval=difference_interval(public.psi, held_out.psi, sign),
        ),
        lost=lost,
        holds=not lost if given else None,
    )


def _verdicts(row: Row) -> dict[str, str]:
    return {"sign": row.sign, "chance": row.chance, "hp": row.hyperparameter}


def _side(row: Row) -> Side:
    return Side(
        Psi=float(row.psi.value or 0),
        interval=row.psi.interval,
        sign=row.sign,
        chance=row.chance,
        hp=row.hyperparameter,
    )
