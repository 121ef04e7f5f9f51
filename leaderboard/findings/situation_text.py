"""Table and sentences of the findings on which measure to use when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leaderboard.findings.situations import LISTED, Budget, Situation, situations
from leaderboard.findings.tables import NOTHING, Columns, directed_interval
from leaderboard.ranking.entry import Entry
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import beats_chance, below_chance, passes_gate, says_more
from leaderboard.views.markdown_table import code, escape, left, write_table


@dataclass(frozen=True, slots=True, kw_only=True)
class SituationText:
    """The table in Markdown, how to read it, and what follows from it."""

    legend: str
    table: str
    sentences: Sequence[str]


def describe_situations(
    report: Report, budgets: Mapping[str, Budget], others: Sequence[tuple[str, Report]] = ()
) -> SituationText | None:
    """Write which measures are best in each situation; None where no measure has a budget.

    Args:
        report: the ranking that the measures are chosen by.
        budgets: what the measures compute, by name.
        others: rankings of further zoos by name, which are shown beside.
    """
    found = situations(report, budgets)
    if not found:
        return None
    held_out = "" if report.beside is None else " *Held out*: whether every verdict holds there."
    pays = [one for one in found if one.pays and (report.measures[one.names[0]].directed_psi or 0.0) > 0]
    in_vain = [one for one in found if not one.pays]
    larger = "; ".join(f"{code(one.names[0])} ({one.words}; {one.budget})" for one in pays)
    sentences = [
        f"With a larger Psi than everything that asks for no more, from the least demanding on: {larger}."
        if pays
        else "No measure has a Psi above 0 that is larger than that of everything that asks for no more."
    ]
    if in_vain:
        where = "; ".join(f"{one.words} with {one.budget}" for one in in_vain)
        sentences.append(f"Here no measure is better than all that ask for no more: {where}.")
    return SituationText(
        legend=f"""Every measure stands in one situation: the inputs that it needs beside the network, and the most
            that it computes. With more inputs or a larger budget, all that needs less is possible too. The best
            {LISTED} of each situation are listed. **Bold**: Psi is larger than that of every measure that asks for no
            more; that difference is not tested. Psi and intervals are in the expected direction, within corruption
            where networks of several are compared; the first of many measures looks better than it is, above all on
            few networks. *Better than*: chance, or all hyperparameters (hp), at 5 % over all measures together.
            *Gate*: whether it tells random from true labels, on the first zoo that could test it.{held_out} *Seconds*:
            median for one network on one thread, shared passes included.""",
        table=_table(found, report, others),
        sentences=sentences,
    )


def _table(found: Sequence[Situation], report: Report, others: Sequence[tuple[str, Report]]) -> str:
    """Write one row for each of the best measures of every situation, with their Psi on other zoos beside."""
    rows = []
    for situation in found:
        for place, name in enumerate(situation.names):
            entry = report.measures[name]
            seconds = entry.cost.median_seconds
            bold = "**" if place == 0 and situation.pays else ""
            held_out = [] if report.beside is None else [_held_out(report, name)]
            rows.append(
                [
                    *((situation.words, situation.budget, str(situation.measures)) if place == 0 else ("", "", "")),
                    f"{bold}{code(name)}{bold}",
                    *_psi(entry),
                    str(entry.n),
                    _better_than(entry),
                    *(_with_interval(*_psi(other.measures.get(name))) for _, other in others),
                    _gate(name, [("", report), *others]),
                    *held_out,
                    NOTHING if seconds is None else f"{seconds:.2g}",
                ]
            )
    columns: Columns = [
        ("inputs", "left"),
        ("budget", "left"),
        ("measures", "right"),
        ("best", "left"),
        ("Psi", "right"),
        ("95 %", "left"),
        ("networks", "right"),
        ("better than", "left"),
        *(left(*(f"on {escape(name)}" for name, _ in others))),
        ("gate", "left"),
        *left(*([] if report.beside is None else ["held out"])),
        ("seconds", "right"),
    ]  # fmt: skip
    return write_table(columns, rows)


def _psi(entry: Entry | None) -> tuple[str, str]:
    if entry is None or entry.directed_psi is None:
        return NOTHING, ""
    return f"{entry.directed_psi:+z.2f}", directed_interval(entry.interval.Psi, entry.direction)


def _with_interval(psi: str, interval: str) -> str:
    return f"{psi} ({interval})" if interval else psi


def _better_than(entry: Entry) -> str:
    if below_chance(entry):
        return "worse than chance"
    return ", ".join([*(["chance"] if beats_chance(entry) else []), *(["hp"] if says_more(entry) else [])]) or NOTHING


def _gate(name: str, zoos: Sequence[tuple[str, Report]]) -> str:
    """Write the gate's outcome on the first of the zoos that could test a measure."""
    for zoo, report in zoos:
        if name in report.measures and (passed := passes_gate(report.measures[name])) is not None:
            return ("passes" if passed else "fails") + (f" ({escape(zoo)})" if zoo else "")
    return NOTHING


def _held_out(report: Report, name: str) -> str:
    compared = None if report.beside is None else report.beside.measures.get(name)
    if compared is None or compared.holds is None:
        return NOTHING
    return "holds" if compared.holds else f"lost: {', '.join(compared.lost)}"
