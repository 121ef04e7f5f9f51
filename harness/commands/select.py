"""Command that tells how good the network is that a measure picks: gapbench select."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.errors import GOOD, errors, refuse, table_console
from harness.commands.json_output import print_json
from harness.commands.options import AllRuns, Json, Target, Within


def select(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR|LEDGER", help="A scored zoo's directory, a ledger's file, or reference:cifar10."),
    ],
    target: Target = "gap",
    within: Within = "corruption",
    pool: Annotated[int, typer.Option(min=2, help="Networks to pick one from.")] = 10,
    top: Annotated[int, typer.Option(min=1, help="How many of the best count as a hit.")] = 3,
    all_runs: AllRuns = False,
    bootstrap: Annotated[int, typer.Option(min=0, help="Resamples behind each interval; 0 for none.")] = 1000,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of a table.")] = False,
    as_json: Json = False,
) -> int:
    """Tell how good the network is that a measure picks from a few: normalized regret and top-k hit rate.

    By measure and by family, beside picking at random, by training loss, by hyperparameters and by a few labels.
    """
    from harness.reports.ranking import describe_measures, read_source
    from leaderboard.selection.select import select as figures_of
    from leaderboard.selection.text import markdown_selection, render_selection

    if as_json and markdown:
        refuse("The figures must be printed in one form; got both --json and --markdown.")
    if top >= pool:
        refuse(f"--top must be less than --pool, or every pick is a hit; got {top} of {pool}.")
    zoo = read_source(source, errors)
    report = figures_of(
        zoo.ledger,
        target=target,
        within=None if within == "none" else within,
        pool=pool,
        top=top,
        bootstrap=bootstrap,
        metadata=describe_measures(zoo.metadata),
        converged_only=not all_runs,
    )
    if as_json:
        print_json(report.to_json())
    elif markdown:
        print(markdown_selection(report), end="")  # noqa: T201  as Markdown
    else:
        render_selection(report, table_console())
    return GOOD
