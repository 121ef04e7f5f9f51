"""Command that ranks measures by every target of a ledger: gapbench shifts."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.errors import GOOD, errors, refuse, table_console
from harness.commands.json_output import print_json
from harness.commands.options import AllRuns, Json, Within


def shifts(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR|LEDGER", help="A scored zoo's directory, a ledger's file, or reference:cifar10."),
    ],
    clean: Annotated[
        str | None,
        typer.Option(
            metavar="TARGET",
            help="With whose ranking the others are compared. [default: error_under.clean, or test_error]",
        ),
    ] = None,
    within: Within = "corruption",
    all_runs: AllRuns = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of a table.")] = False,
    as_json: Json = False,
) -> int:
    """Rank by every target, such as test error under each shift, and compare the rankings with the clean one.

    One row for each target: networks, top measure with its rank by the clean target, rank correlation of the two
    rankings over the measures. `gapbench rank LEDGER --target error_under.fog.3` has a whole ranking.
    """
    from harness.reports.ranking import describe_measures, read_source
    from leaderboard.shifts.compare import compare_shifts
    from leaderboard.shifts.text import markdown_shifts, render_shifts

    if as_json and markdown:
        refuse("The rankings must be printed in one form; got both --json and --markdown.")
    zoo = read_source(source, errors)
    report = compare_shifts(
        zoo.ledger,
        clean=clean,
        within=None if within == "none" else within,
        metadata=describe_measures(zoo.metadata),
        converged_only=not all_runs,
    )
    if as_json:
        print_json(report.to_json())
    elif markdown:
        print(markdown_shifts(report), end="")  # noqa: T201  as Markdown
    else:
        render_shifts(report, table_console())
    return GOOD
