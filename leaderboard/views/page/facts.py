"""What the page tells about one measure beside its scatter plot."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
from markupsafe import Markup

from leaderboard.views.page.definitions import definition
from leaderboard.views.page.judgements import judgements, track_of
from leaderboard.views.rows import Figure, Standing, figure_of, plain_name, standings

STATISTICS: Final = {
    "Psi": ("Ψ", "granulated Kendall coefficient"),
    "tau_b": ("τ-b", "Kendall's coefficient, corrected for ties"),
    "tau_a": ("τ-a", "Kendall's coefficient, ties count as zero"),
    "spearman": ("Spearman", "rank correlation"),
    "partial_spearman": ("Spearman, partial", "rank correlation given the hyperparameters"),
    "residual_spearman": ("Spearman, residual", "rank correlation of what cross-fitted hyperparameters leave over"),
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

    standing: Standing
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
    environments: list[int]
    along: list[tuple[str, tuple[float, float, float]]]
    sign_error: Figure
    partial: Figure
    reason: str


def facts(report: Mapping[str, Any], ledger: pd.DataFrame) -> list[Facts]:
    """The panel of every measure of the report, in the leaderboard's order."""
    strata = report["within"]["strata"] if report["within"] else {}
    return [
        Facts(
            standing=row,
            summary=entry.get("summary", ""),
            definition=definition(entry.get("definition") or entry.get("summary", "")),
            source=entry["source"] or "",
            needs=", ".join(entry["needs"]),
            track=track_of(entry),
            price=entry.get("price", ""),
            version=str(entry.get("version", "")),
            said=judgements(entry, report["family"]["measures"]),
            columns=["all networks", *strata],
            statistics=_statistics(entries),
            psi=_psi(entries),
            turn=1 if row.control else row.expected_sign,
            environments=(entry["sign_error"] or {}).get("histogram", []),
            along=[
                (plain_name(name), (each["mean"], each["p90"], each["max"]))
                for name, each in (entry["sign_error"] or {"along": {}})["along"].items()
            ],
            sign_error=_sign_error(entry, "mean"),
            partial=figure_of(entry, "partial_spearman"),
            reason=_most_frequent_reason(ledger, row.name),
        )
        for row in standings(report)
        for entry in [report["measures"][row.name]]
        for entries in [[entry, *(stratum["measures"][row.name] for stratum in strata.values())]]
    ]


def _psi(entries: Sequence[Mapping[str, Any]]) -> dict[str, list[Figure]]:
    """Psi of each hyperparameter, in the whole and in each stratum; inside one, its own hyperparameter has none."""
    return {
        plain_name(name): [
            Figure(
                value=each["psi"].get(name),
                why=each["why"].get(f"psi.{name}", "The same for all of these networks."),
            )
            for each in entries
        ]
        for name in entries[0]["psi"]
    }


def _statistics(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Figure]]]:
    """A row for each statistic that any of the entries, the whole or a stratum, has a value of."""
    rows = [(label, what, [_figure(each, name) for each in entries]) for name, (label, what) in STATISTICS.items()]
    rows += [
        (label, what, [_sign_error(each, name) for each in entries]) for name, (label, what) in SIGN_ERRORS.items()
    ]
    return [row for row in rows if any(figure.value is not None for figure in row[2])]


def _figure(entry: Mapping[str, Any], name: str) -> Figure:
    """A statistic of the whole or of a stratum, which has fewer of them."""
    return figure_of(entry, name) if name in entry else Figure(value=None, why="Of all networks only.")


def _sign_error(entry: Mapping[str, Any], name: str) -> Figure:
    found = entry["sign_error"]
    return Figure(value=None if found is None else found[name], why=entry["why"].get("sign_error", ""))


def _most_frequent_reason(ledger: pd.DataFrame, measure: str) -> str:
    column = f"why.{measure}"
    if column not in ledger:
        return ""
    reasons = Counter(str(reason) for reason in ledger[column].dropna().to_numpy())
    return next((reason for reason, _ in reasons.most_common() if reason.strip()), "")
