"""Commands that rank measures: gapbench rank | page | table."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from harness.commands.errors import GOOD, NEGATIVE, console, errors, refuse, report_empty, table_console
from harness.commands.json_output import print_json
from harness.commands.options import AllRuns, Beside, Json, Target, Within

Families = Annotated[bool, typer.Option("--families", help="Show one row for each family of measures.")]


def rank(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|LEDGER", help="A zoo's directory, a ledger as CSV or Parquet, or reference:cifar10."
        ),
    ],
    target: Target = "gap",
    within: Within = "corruption",
    all_runs: AllRuns = False,
    hp: Annotated[str | None, typer.Option(help="Columns that are hyperparameters: names or patterns, a,b*.")] = None,
    measure: Annotated[str | None, typer.Option(help="Columns that are measures: names or patterns.")] = None,
    gap: Annotated[str | None, typer.Option(help="The column of the gap.")] = None,
    train_accuracy: Annotated[str | None, typer.Option(help="The column of the training accuracy.")] = None,
    test_accuracy: Annotated[str | None, typer.Option(help="The column of the test accuracy.")] = None,
    percent: Annotated[bool, typer.Option("--percent", help="Accuracies and gap are in percent.")] = False,
    bins: Annotated[str | None, typer.Option(help="Bins of hyperparameters, a=4,b=0; 0 for none.")] = None,
    sign: Annotated[
        list[str] | None,
        typer.Option(help="NAME=-1 if scores should fall as the gap grows, NAME=+1 if not; may be repeated."),
    ] = None,
    metadata: Annotated[
        Path | None, typer.Option(help="TOML or JSON file with a table for each measure: expected_sign, family, ...")
    ] = None,
    seeds: Annotated[
        Literal["averaged", "kept"], typer.Option(help="Compare means over seeds, or networks, in Psi.")
    ] = "averaged",
    weights: Annotated[
        Literal["hoeffding", "binomial"], typer.Option(help="Of the sign error: a bound, or exact probabilities.")
    ] = "hoeffding",
    enough: Annotated[
        Literal["share", "published"],
        typer.Option(help="Pairs that an environment of the sign error needs: 0.12 of them, or 12 as published."),
    ] = "share",
    bootstrap: Annotated[int, typer.Option(min=0, help="Resamples and permutations; 0 for none.")] = 1000,
    beside: Beside = None,
    families: Families = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of a table.")] = False,
    as_json: Json = False,
) -> int:
    """Rank the measures of a zoo, or of anybody's ledger: columns `hp.*`, `gap` and `measure.*`, or as you map them.

    A measure that gapbench does not know has no expected sign: without --sign or --metadata it is ordered by |Psi|.
    """
    from harness.reports.given_metadata import parse_metadata
    from harness.reports.ranking import RankOptions, parse_bins, parse_columns, rank_beside
    from leaderboard.ranking.families import families_json
    from leaderboard.views.families import markdown_families, render_families
    from leaderboard.views.held_out_text import markdown_beside, render_beside
    from leaderboard.views.markdown import markdown as as_markdown
    from leaderboard.views.terminal import render

    if as_json and markdown:
        refuse("The ranking must be printed in one form; got both --json and --markdown.")
    if families and beside is not None:
        refuse("Families are shown of one zoo; leave out --beside or --families.")
    options = RankOptions(
        target=target,
        within=None if within == "none" else within,
        all_runs=all_runs,
        columns=parse_columns(hp, measure, gap, train_accuracy, test_accuracy),
        percent=percent,
        bins=parse_bins(bins),
        metadata=parse_metadata(metadata, sign or []),
        seeds=seeds,
        weights=weights,
        enough=enough,
        bootstrap=bootstrap,
    )
    report = rank_beside(source, beside, options, errors).report
    if as_json:
        print_json(families_json(report) if families else report.to_json())
    elif families and markdown:
        print(markdown_families(report), end="")  # noqa: T201  as Markdown
    elif families:
        render_families(report, table_console())
    elif markdown:
        print(as_markdown(report) if report.beside is None else markdown_beside(report, report.beside), end="")  # noqa: T201  as Markdown
    elif report.beside is None:
        render(report, table_console())
    else:
        render_beside(report, report.beside, table_console())
    return report_empty(report)


def page(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="A zoo's directory, or reference:cifar10.")],
    target: Target = "gap",
    within: Within = "corruption",
    all_runs: AllRuns = False,
    beside: Beside = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write. [default: DIR/leaderboard.html]")
    ] = None,
) -> int:
    """Rank a zoo and write its leaderboard.html."""
    from harness.reports.page import build_page
    from harness.reports.ranking import RankOptions, rank_beside
    from harness.reports.reference import reference_name
    from harness.store.atomic_write import write_text
    from harness.store.snapshot import require_zoo

    if reference_name(source) is None:
        require_zoo(source)
    elif output is None:
        refuse(f"The page of a reference ledger needs a file: gapbench page {source} -o leaderboard.html.")
    if output is not None and not output.absolute().parent.is_dir():
        refuse(f"The output must lie in a folder that exists; got {output}.")
    options = RankOptions(target=target, within=None if within == "none" else within, all_runs=all_runs)
    ranked = rank_beside(source, beside, options, errors)
    destination = output or source / "leaderboard.html"
    write_text(destination, build_page(ranked.report, ranked.ledger, ranked.curves))
    console.print(f"The page: [bold]{escape(str(destination))}[/]", soft_wrap=True)
    return report_empty(ranked.report)


def table(
    source: Annotated[
        Path,
        typer.Argument(metavar="DIR|JSON", help="A zoo's directory, the file of a ranking, or reference:cifar10."),
    ],
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, the best measures only.")] = False,
    rows: Annotated[int, typer.Option(min=1, help="Measures in Markdown.")] = 15,
    families: Families = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File in which the Markdown is written, between its marks.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only check that the file shows this table; status 1 if not.")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="Also write what the table shows to this JSON file.")] = None,
) -> int:
    """Show the ranking that a directory holds, without ranking again."""
    from harness.reports.readme_table import keep as kept
    from harness.reports.readme_table import put, ranking_in
    from leaderboard.views.families import markdown_families, render_families
    from leaderboard.views.markdown import markdown as as_markdown
    from leaderboard.views.terminal import render

    ranking = ranking_in(source)
    if keep is not None:
        kept(ranking, keep)
    if not markdown:
        if output is not None or check:
            refuse("Only Markdown is written to a file; add --markdown.")
        (render_families if families else render)(ranking, table_console())
        return GOOD
    text = markdown_families(ranking) if families else as_markdown(ranking, rows)
    if output is None:
        print(text, end="")  # noqa: T201  for a file or the next program
        return GOOD
    same = put(text, output, check=check)
    console.print(f"{output} {'shows it' if same else 'shows another' if check else 'was written'}.", markup=False)
    return NEGATIVE if check and not same else GOOD
