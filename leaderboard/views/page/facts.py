"""Facts of each measure that the page shows beside its scatter plot."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd
from markupsafe import Markup

from leaderboard.ranking.entry import Entry, SignErrors, Statistics, StatisticValues
from leaderboard.ranking.report import Report
from leaderboard.views.page.definitions import definition
from leaderboard.views.page.judgements import judgements
from leaderboard.views.rows import Figure, Row, plain_name, rows_of


@dataclass(frozen=True, slots=True)
class Shown:
    """A statistic that the page shows: its label, what it is, and how to read it."""

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
    return Figure(value=None, why="Only computed over all networks.")


SIGN_ERROR: Final = Shown(
    "sign error",
    "weighted share of pairs in the wrong order, averaged over environments",
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
    Shown("Spearman, residual", "rank correlation of the residuals of cross-fitted hyperparameters", _residual),
    Shown(
        "CMI",
        "conditional mutual information, minimum over sets of at most two hyperparameters",
        _plain("cmi", lambda one: one.cmi),
    ),
    Shown(
        "PGDL",
        "conditional mutual information as scored by the PGDL competition, insensitive to the sign",
        _plain("pgdl", lambda one: one.pgdl),
    ),
    SIGN_ERROR,
    Shown("sign error, 90 %", "90th percentile over environments", _of_errors(lambda errors: errors.p90)),
    Shown("sign error, worst", "the worst environment", _of_errors(lambda errors: errors.max)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Panel of one measure: its row, its metadata, and every statistic in every stratum.

    Attributes:
        summary: its docstring's first paragraph.
        definition: all of it as HTML.
        price: cost in words.
        said: sentences by heading.
        columns: headers of the tables of statistics and of psi: all networks, then the strata.
        statistics: rows of the table of statistics: label, explanation, and one value for each column.
        psi: of each hyperparameter by its plain name, in each column.
        turn: the expected sign, or that of Psi, for the colours of psi.
        environments: number of environments by sign error, in tenths of [0, 1]; empty without environments.
        along: mean, 90th percentile and maximum of the sign error over the environments of each hyperparameter.
        sign_error: mean over all environments.
        partial: the partial Spearman coefficient.
        reason: most frequent reason why networks have no score; empty if none is known.
    """

    standing: Row
    summary: str
    definition: Markup
    source: str
    needs: str
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
    """Build the panel of every measure, in the leaderboard's order."""
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
        price=about.price or "",
        version="" if about.version is None else str(about.version),
        said=judgements(entry, report.family.measures),
        columns=["all networks", *strata],
        statistics=_statistics(every),
        psi=_psi(every),
        turn=1 if row.control else row.direction,
        environments=[] if errors is None else errors.histogram,
        along={}
        if errors is None
        else {plain_name(name): (one.mean, one.p90, one.max) for name, one in errors.along.items()},
        sign_error=SIGN_ERROR.of(entry),
        partial=PARTIAL.of(entry),
        reason=_most_frequent_reason(ledger, row.name),
    )


def _psi(every: Sequence[Statistics | Entry]) -> dict[str, list[Figure]]:
    """List psi of each hyperparameter, over all networks and in each stratum."""
    return {
        plain_name(name): [
            Figure(value=one.psi.get(name), why=one.why.get(f"psi.{name}", "Constant over these networks."))
            for one in every
        ]
        for name in every[0].psi
    }


def _statistics(every: Sequence[Statistics | Entry]) -> list[tuple[str, str, list[Figure]]]:
    """List the statistics that have a value over all networks or in a stratum."""
    rows = [(shown.label, shown.what, [shown.of(one) for one in every]) for shown in STATISTICS]
    return [row for row in rows if any(figure.value is not None for figure in row[2])]


def _most_frequent_reason(ledger: pd.DataFrame, measure: str) -> str:
    column = f"why.{measure}"
    if column not in ledger:
        return ""
    reasons = Counter(str(reason) for reason in ledger[column].dropna().to_numpy())
    return next((reason for reason, _ in reasons.most_common() if reason.strip()), "")
