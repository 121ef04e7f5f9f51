"""Command that predicts the gap of networks: gapbench predict."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.errors import GOOD, NEGATIVE, errors, refuse, table_console
from harness.commands.json_output import print_json
from harness.commands.options import Json, Target


def predict(
    source: Annotated[Path, typer.Argument(metavar="DIR|LEDGER", help="A scored zoo's directory, or a ledger's file.")],
    reference: Annotated[
        str,
        typer.Option(help="Networks to learn from: cifar10, digits, a scored zoo's directory or a ledger's file."),
    ],
    target: Target = "gap",
    measures: Annotated[str | None, typer.Option(help="Names, with commas. [default: all that both have]")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown instead of a table.")] = False,
    as_json: Json = False,
) -> int:
    """Predict the generalization gap of each network as an interval, from the scores of a reference zoo.

    By split conformal prediction. The table shows the interval by the measure that predicts the reference best, --json
    those by every measure. Nine in ten intervals contain the gap of networks drawn like the reference's. Networks
    outside its range get a warning, or no interval.
    """
    from harness.reports.prediction import predict_source
    from leaderboard.prediction.text import markdown_predictions, render_predictions

    if as_json and markdown:
        refuse("The predictions must be printed in one form; got both --json and --markdown.")
    names = None if measures is None else [name.strip() for name in measures.split(",") if name.strip()]
    report = predict_source(source, reference, errors, target=target, measures=names)
    if as_json:
        print_json(report.to_json())
    elif markdown:
        print(markdown_predictions(report), end="")  # noqa: T201  as Markdown
    else:
        render_predictions(report, table_console())
    return GOOD if any(one.predicted.interval is not None for one in report.networks) else NEGATIVE
