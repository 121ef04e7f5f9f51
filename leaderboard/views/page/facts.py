"""What the page tells about one measure beside its scatter plot."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
from markupsafe import Markup

from leaderboard.ranking.entry import Entry, SignErrors, Statistics, StatisticValues
from leaderboard.ranking.report import Report
from leaderboard.views.page.definitions import definition
from leaderboard.views.page.judgements import judgements, track_of
from leaderboard.views.rows import Figure, Row, plain_name, rows_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A statistic as the page shows it: its name, what it is, and how to take it from a measure's statistics."""

    label: str
    what: str
    of: Callable[[Statistics | Entry], Figure]


def _plain(name: str, value: Callable[[StatisticValues], float | None]) -> Callable[[Statistics | Entry], Figure]:
    return lambda one: Figure(value=value(one), why=one.why.get(name, ""))


def _of_errors(value: Callable[[SignErrors], float]) -> Callable[[Statistics | Entry], Figure]:
    return lambda one: Figure(
        value=None if one.sign_error is None else value(one.sign_error), why=one.why.get("sign_error", "")
    )


def _residual(one: Statistics | Entry) -> Figure:
    if isinstance(one, Entry):
        return Figure(value=one.residual_spearman, why=one.why.get("residual_spearman", ""))
    return Figure(value=None, why="Of all networks only.")


SIGN_ERROR: Final = Shown(
    "sign error",
    "share of pairs put in the wrong order, weighted, mean over environments",
    _of_errors(lambda errors: errors.mean),
)
PARTIAL: Final = Shown(
    "Spearman, partial",
    "rank correlation given the hyperparameters",
    _plain("partial_spearman", lambda one: one.partial_spearman),
)
STATISTICS: Final = (
    Shown(
        "Ψ",
        "granulated Kendall coefficient",
        lambda one: Figure(value=one.Psi, interval=one.interval.Psi, why=one.why.get("Psi", "")),
    ),
    Shown(
        "τ-b",
        "Kendall's coefficient, corrected for ties",
        lambda one: Figure(value=one.tau_b, interval=one.interval.tau_b, why=one.why.get("tau_b", "")),
    ),
    Shown("τ-a", "Kendall's coefficient, ties count as zero", _plain("tau_a", lambda one: one.tau_a)),
    Shown("Spearman", "rank correlation", _plain("spearman", lambda one: one.spearman)),
    PARTIAL,
    Shown("Spearman, residual", "rank correlation of what cross-fitted hyperparameters leave over", _residual),
    Shown(
        "CMI",
        "conditional mutual information, least over sets of at most two hyperparameters",
        _plain("cmi", lambda one: one.cmi),
    ),
    Shown(
        "PGDL",
        "conditional mutual information as the PGDL contest scored it, blind to the sign",
        _plain("pgdl", lambda one: one.pgdl),
    ),
    SIGN_ERROR,
    Shown("sign error, 90 %", "90th percentile over environments", _of_errors(lambda errors: errors.p90)),
    Shown("sign error, worst", "the worst environment", _of_errors(lambda errors: errors.max)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The panel of one measure: its row, its metadata, and every figure in every stratum.

    Attributes:
        summary: its docstring's first paragraph.
        definition: all of it as HTML.
        track: what it may see.
        price: what it takes, in words.
        said: sentences on it, by heading.
        columns: headers of the tables of statistics and of psi: all networks, then the strata.
        statistics: rows of the former: the statistic, what it is, and one figure a column.
        psi: psi of each hyperparameter, by its plain name, in each column.
        turn: the expected sign, by which psi is coloured.
        environments: how many environments have a sign error in each tenth of [0, 1]; empty without environments.
        along: the sign errors of the environments of each hyperparameter: its name, mean, 90th percentile and largest.
        sign_error: mean over all environments.
        partial: the partial Spearman coefficient.
        reason: why networks without a score have none, the most frequent reason; empty if none is known.
    """

    standing: Row
    summary: str
    definition: Markup
    source: str
    needs: str
    track: str
    price: str
    version: str
    said: list[tuple[str, str]]
    columns: list[str]
    statistics: list[tuple[str, str, list[Figure]]]
    psi: dict[str, list[Figure]]
    turn: int
    environments: Sequence[int]
    along: Mapping[str, tuple[float, float, float]]
    sign_error: Figure
    partial: Figure
    reason: str


def facts(report: Report, ledger: pd.DataFrame) -> list[Facts]:
    """The panel of every measure of the report, in the leaderboard's order."""
    return [_facts(row, report, ledger) for row in rows_of(report)]


def _facts(row: Row, report: Report, ledger: pd.DataFrame) -> Facts:
    entry = report.measures[row.name]
    about, errors, strata = entry.about, entry.sign_error, report.within.strata if report.within else {}
    every: list[Statistics | Entry] = [entry, *(stratum.measures[row.name] for stratum in strata.values())]
    return Facts(
        standing=row,
        summary=about.summary or "",
        definition=definition(about.definition or about.summary or ""),
        source=about.source or "",
        needs=", ".join(about.needs),
        track=track_of(about),
        price=about.price or "",
        version="" if about.version is None else str(about.version),
        said=judgements(entry, report.family.measures),
        columns=["all networks", *strata],
        statistics=_statistics(every),
        psi=_psi(every),
        turn=1 if row.control else row.expected_sign,
        environments=[] if errors is None else errors.histogram,
        along={}
        if errors is None
        else {plain_name(name): (one.mean, one.p90, one.max) for name, one in errors.along.items()},
        sign_error=SIGN_ERROR.of(entry),
        partial=PARTIAL.of(entry),
        reason=_most_frequent_reason(ledger, row.name),
    )


def _psi(every: Sequence[Statistics | Entry]) -> dict[str, list[Figure]]:
    """Psi of each hyperparameter, in the whole and in each stratum; inside one, its own hyperparameter has none."""
    return {
        plain_name(name): [
            Figure(value=one.psi.get(name), why=one.why.get(f"psi.{name}", "The same for all of these networks."))
            for one in every
        ]
        for name in every[0].psi
    }


def _statistics(every: Sequence[Statistics | Entry]) -> list[tuple[str, str, list[Figure]]]:
    """A row for each statistic that has a value in any of the entries, the whole or a stratum."""
    rows = [(shown.label, shown.what, [shown.of(one) for one in every]) for shown in STATISTICS]
    return [row for row in rows if any(figure.value is not None for figure in row[2])]


def _most_frequent_reason(ledger: pd.DataFrame, measure: str) -> str:
    column = f"why.{measure}"
    if column not in ledger:
        return ""
    reasons = Counter(str(reason) for reason in ledger[column].dropna().to_numpy())
    return next((reason for reason, _ in reasons.most_common() if reason.strip()), "")
