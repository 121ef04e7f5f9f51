"""What the page tells about one measure beside its scatter plot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from leaderboard.standings import Figure, Standing, figure_of, standings

STATISTICS: Final = {
    "Psi": ("Ψ", "granulated Kendall coefficient"),
    "tau_b": ("τ-b", "Kendall's coefficient, corrected for ties"),
    "tau_a": ("τ-a", "Kendall's coefficient, ties count as zero"),
    "spearman": ("Spearman", "rank correlation"),
    "partial_spearman": ("Spearman, partial", "rank correlation given the hyperparameters"),
    "cmi": ("CMI", "conditional mutual information, least over sets of at most two hyperparameters"),
    "pgdl": ("PGDL", "conditional mutual information as the PGDL contest scored it, blind to the sign"),
}
SIGN_ERRORS: Final = {
    "mean": ("sign error", "share of pairs put in the wrong order, weighted, mean over environments"),
    "p90": ("sign error, 90 %", "90th percentile over environments"),
    "max": ("sign error, worst", "the worst environment"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The panel of one measure: its row, its metadata, and every figure in every stratum.

    Attributes:
        columns: headers of the table of statistics: all networks, then the strata.
        statistics: its rows: the statistic, what it is, and one figure a column.
        psi: psi of each hyperparameter, by the hyperparameter's name.
        reason: why networks without a score have none, the most frequent reason; empty if none is known.
    """

    standing: Standing
    summary: str
    source: str
    needs: str
    version: str
    columns: list[str]
    statistics: list[tuple[str, str, list[Figure]]]
    psi: dict[str, Figure]
    reason: str


def facts(report: Mapping[str, Any], ledger: pd.DataFrame) -> list[Facts]:
    """The panel of every measure of the report, in the leaderboard's order."""
    strata = report["within"]["strata"] if report["within"] else {}
    return [
        Facts(
            standing=row,
            summary=entry.get("summary", ""),
            source=entry["source"] or "",
            needs=", ".join(entry["needs"]),
            version=str(entry.get("version", "")),
            columns=["all networks", *strata],
            statistics=_statistics([entry, *(stratum["measures"][row.name] for stratum in strata.values())]),
            psi={
                name: Figure(value=value, why=entry["why"].get(f"psi.{name}", ""))
                for name, value in entry["psi"].items()
            },
            reason=_most_frequent_reason(ledger, row.name),
        )
        for row in standings(report)
        for entry in [report["measures"][row.name]]
    ]


def _statistics(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Figure]]]:
    """A row for each statistic that any of the entries, the whole or a stratum, has a value of."""
    rows = [(label, what, [figure_of(each, name) for each in entries]) for name, (label, what) in STATISTICS.items()]
    rows += [
        (label, what, [_sign_error(each, name) for each in entries]) for name, (label, what) in SIGN_ERRORS.items()
    ]
    return [row for row in rows if any(figure.value is not None for figure in row[2])]


def _sign_error(entry: Mapping[str, Any], name: str) -> Figure:
    found = entry["sign_error"]
    return Figure(value=None if found is None else found[name], why=entry["why"].get("sign_error", ""))


def _most_frequent_reason(ledger: pd.DataFrame, measure: str) -> str:
    column = f"why.{measure}"
    if column not in ledger:
        return ""
    reasons = ledger[column].dropna().astype(str)
    reasons = reasons[reasons.str.strip() != ""]
    return "" if reasons.empty else str(reasons.value_counts().index[0])
