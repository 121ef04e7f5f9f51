"""Families of measures as a table in a terminal and in Markdown."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from leaderboard.ranking.excerpt import Ranking
from leaderboard.ranking.families import FamilyFacts, family_facts
from leaderboard.views.markdown_table import Alignment, code, escape, write_table
from leaderboard.views.rows import Figure, apart_name
from leaderboard.views.terminal import (
    DASH,
    Column,
    build_table,
    fit_columns,
    format_interval,
    headline,
    print_hidden,
    print_term,
)


def format_gate(one: FamilyFacts) -> str:
    """Write how many pass the gate of those that it could test; a dash where it could test none."""
    return f"{one.passes} of {one.gated}" if one.gated else DASH


def plain_family(family: str) -> str:
    """Write a family in words."""
    return family.replace("_", " ")


# header, importance (the least important go first where the terminal is too narrow; 0 always stays), alignment, cell
COLUMNS: Final[tuple[Column[FamilyFacts], ...]] = (
    ("family", 0, "left", lambda one: plain_family(one.family)),
    ("measures", 5, "right", lambda one: str(len(one.names))),
    ("median", 0, "right", lambda one: f"{one.median:+z.2f}"),
    ("best", 0, "left", lambda one: one.best),
    ("Psi", 0, "right", lambda one: f"{one.psi:+z.2f}"),
    ("95 %", 1, "right", lambda one: format_interval(Figure(value=one.psi, interval=one.interval))),
    ("better", 2, "right", lambda one: str(one.better)),
    ("worse", 4, "right", lambda one: str(one.worse)),
    ("beyond hp", 6, "right", lambda one: str(one.beyond)),
    ("gate", 3, "right", lambda one: format_gate(one).replace(" of ", "/")),
)
LEGEND: Final = {  # of the columns, by header
    "median": "of Psi{within} in the expected direction, over the measures that take a rank.",
    "best": "the measure with the largest Psi; of many measures the first looks better than it is.",
    "95 %": "bootstrap interval of the Psi of the best alone.",
    "better": "measures that beat chance in the expected direction, at 5 % over all measures together.",
    "worse": "measures that fall below it.",
    "beyond hp": "measures that say more of the {target} than all hyperparameters do.",
    "gate": "measures that tell random from true labels in the expected direction at 95 %, of those tested.",
}


def render_families(ranking: Ranking, console: Console) -> None:
    """Print one row for each family, that with the largest median Psi first, and a legend of the columns below."""
    facts = family_facts(ranking)
    columns = fit_columns(facts, COLUMNS, console.width)
    title = f"{len(facts)} famil{'y' if len(facts) == 1 else 'ies'} of measures. {headline(ranking)}"
    console.print(build_table(title, facts, columns, lambda _: ""))
    console.print()
    shown = {header for header, *_ in columns}
    hp = apart_name(ranking)
    for header, words in LEGEND.items():
        if header in shown:
            print_term(header, words.format(target=ranking.target, within=f" within {hp}" if hp else ""), console)
    if not any(one.gated for one in facts):
        console.print(Text("No measure could be tested on random labels: there are too few networks with them."))
    print_hidden([header for header, *_ in COLUMNS if header not in shown], console)


def markdown_families(ranking: Ranking) -> str:
    """Write one row for each family, that with the largest median Psi first; empty where nothing takes a rank."""
    columns: Sequence[tuple[str, Alignment]] = [
        ("family", "left"), ("measures", "right"), ("median Psi", "right"), ("best", "left"), ("Psi", "right"),
        ("95 %", "left"), ("better", "right"), ("worse", "right"), ("beyond hp", "right"), ("gate", "right"),
    ]  # fmt: skip
    rows = [
        [
            escape(plain_family(one.family)),
            str(len(one.names)),
            f"{one.median:+z.2f}",
            code(one.best),
            f"{one.psi:+z.2f}",
            DASH if one.interval is None else f"{one.interval.low:+.2f} to {one.interval.high:+.2f}",
            str(one.better),
            str(one.worse),
            str(one.beyond),
            format_gate(one),
        ]
        for one in family_facts(ranking)
    ]
    return write_table(columns, rows) if rows else ""
