"""Commands for a measure or suite that you write: gapbench check | new."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.commands.errors import GOOD, NEGATIVE, console, refuse
from harness.commands.json_output import print_json
from harness.commands.options import DataDir, Json


def check(
    file: Annotated[Path, typer.Argument(help="A Python file that defines a measure; see `gapbench new`.")],
    as_json: Json = False,
    markdown: Annotated[Path | None, typer.Option(help="Also write the verdict as Markdown to this file.")] = None,
    time_limit: Annotated[float, typer.Option(min=10, help="Seconds for the whole verdict.")] = 60.0,
    zoo: Annotated[
        str, typer.Option(help="The networks to rank: digits, or cifar10 with --data-dir and a longer --time-limit.")
    ] = "digits",
    data_dir: DataDir = None,
) -> int:
    """Check a measure of your own: its contract, its invariances, and how it ranks about 48 small networks.

    Exit status 0 if it is accepted, 1 if it is not, with each fault and how to mend it.
    """
    from harness.checking.check import check as judge
    from harness.checking.report import as_markdown, render
    from harness.store.atomic_write import write_text

    if markdown is not None and not markdown.absolute().parent.is_dir():
        refuse(f"--markdown must name a file in a folder that exists; got {markdown}.")
    result = judge(file, time_limit, zoo, data_dir)
    if markdown is not None:
        write_text(markdown, as_markdown(result))
    if as_json:
        print_json(result.to_json())
    else:
        render(result, console)
    return GOOD if result.accepted else NEGATIVE


def new(
    name: Annotated[str, typer.Argument(help="Name of the measure or suite, as a Python name: max_dist.")],
    folder: Annotated[Path, typer.Option("--dir", help="Folder to write to.")] = Path(),
    suite: Annotated[bool, typer.Option("--suite", help="Write a suite: networks to train, score and rank.")] = False,
) -> int:
    """Write a template of a measure and of its test, or of a suite."""
    from harness.checking.new import write_measure, write_suite

    if suite:
        file = write_suite(name, folder)
        written, trial = f"The suite: [bold]{escape(str(file))}[/].", f"gapbench run {file}"
    else:
        measure, test = write_measure(name, folder)
        written = f"The measure: [bold]{escape(str(measure))}[/], its test: [bold]{escape(str(test))}[/]."
        trial = f"gapbench check {measure}"
    console.print(written, soft_wrap=True)
    console.print(f"Try it: {trial}", markup=False, highlight=False, soft_wrap=True)
    return GOOD
