"""Write docs/findings.md from ranked zoos: which measures predict the gap, and where that holds.

python -m harness.reports.findings reference:cifar10 runs/digits --held-out reference:cifar10-held-out
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd
from rich.console import Console

from harness.errors import HarnessError
from harness.reports.ranking import Ranked, RankOptions, rank_beside, rank_source
from harness.reports.reference import reference_name
from harness.store.atomic_write import write_text
from harness.store.budgets import read_budgets
from harness.store.snapshot import LEDGER
from leaderboard.errors import LeaderboardError
from leaderboard.findings.agreement import agreement, compare_halves, directed, families
from leaderboard.findings.figures import draw_cost, draw_families, draw_rankings
from leaderboard.findings.published import compare_published
from leaderboard.findings.text import Findings, Zoo, write_findings

PAGE: Final = Path("docs/findings.md")
PARAMETERS: Final = "num_params"
AS_MEASURE: Final = "measure.params"


def main(arguments: Sequence[str] | None = None) -> None:
    """Rank the zoos and write the page with its pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "ledgers", type=Path, nargs="+", metavar="LEDGER", help="a zoo's directory, a ledger's file or reference:NAME; "
        "the page is about the first, and compares the others with it",
    )  # fmt: skip
    parser.add_argument("--held-out", type=Path, help="a held-out zoo of the first")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples and permutations")
    parser.add_argument("--splits", type=int, default=8, help="random halves of the first; 0 for none")
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    chosen = parser.parse_args(arguments)
    options, console = RankOptions(bootstrap=chosen.bootstrap), Console(stderr=True)
    first, *rest = chosen.ledgers
    try:
        ranked = rank_beside(first, chosen.held_out, options, console)
        others = [(name_of(other), rank_source(other, options, console)) for other in rest]
    except (HarnessError, LeaderboardError) as error:
        parser.error(str(error))
    findings = make_findings(
        (name_of(first), ranked),
        others,
        command=_command(chosen.ledgers, chosen.held_out),
        splits=chosen.splits,
        output=chosen.output,
    )
    write_text(chosen.output, write_findings(findings))
    console.print(f"{chosen.output}: {ranked.report.models} networks", markup=False)


def make_findings(
    first: tuple[str, Ranked], others: Sequence[tuple[str, Ranked]], *, command: str, splits: int, output: Path
) -> Findings:
    """Collect what the page states, and write its pictures to a folder beside it.

    Args:
        first: the zoo that the page is about, with its name.
        others: zoos whose rankings are compared with that of the first.
        command: that writes the page.
        splits: number of random halves.
        output: the page.
    """
    name, ranked = first
    report = ranked.report
    metadata = {measure: entry.about.to_json() for measure, entry in report.measures.items() if not entry.control}
    pictures = {"families": draw_families(report), "cost": draw_cost(report)}
    compared = []
    for other, its in others:
        found = agreement(directed(report), directed(its.report), families(report))
        compared.append((Zoo(name=other, report=its.report), found))
        if found is not None:
            pictures[other] = draw_rankings(report, its.report, (name, other))
    figures = {}
    for title, picture in pictures.items():
        if picture:
            path = output.with_suffix("") / f"{re.sub('[^a-z0-9]+', '-', title.lower())}.svg"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, picture)
            figures[title] = f"{path.parent.name}/{path.name}"
    return Findings(
        zoo=Zoo(
            name=name,
            report=report,
            halves=compare_halves(ranked.ledger, metadata, splits) if splits else None,
            sizes=_sizes(ranked.ledger),
        ),
        command=command,
        others=compared,
        published=compare_published(report),
        figures=figures,
        budgets=read_budgets(),
    )


def name_of(source: Path) -> str:
    """Name a source in words: the name of a reference ledger, of a zoo's directory or of a file."""
    return reference_name(source) or (source.name if (source / LEDGER).is_file() else source.stem)


def _sizes(ledger: pd.DataFrame) -> tuple[int, int] | None:
    column = next((column for column in (PARAMETERS, AS_MEASURE) if column in ledger), None)
    values = [] if column is None else ledger[column].dropna().tolist()
    return (int(min(values)), int(max(values))) if values else None


def _command(ledgers: Sequence[Path], held_out: Path | None) -> str:
    named = [path.name if path.is_absolute() else str(path) for path in (*ledgers, *([held_out] if held_out else []))]
    return " ".join(
        ["python -m harness.reports.findings", *(named if held_out is None else [*named[:-1], "--held-out", named[-1]])]
    )


if __name__ == "__main__":
    main()
