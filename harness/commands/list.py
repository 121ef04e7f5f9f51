"""Commands that list, download and export: gapbench list | download | export."""

import json
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.commands.errors import GOOD, console, errors, refuse
from harness.commands.options import DataDir, Json

LIST_WIDTH: Final = 160  # a narrower terminal wraps lines, which reads better than columns of four letters


def list_(
    what: Annotated[
        Literal["suites", "measures", "datasets", "corruptions"], typer.Argument(help="Kind of thing to list.")
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> int:
    """List suites, measures, data sets or corruptions."""
    from harness.reports.listing import list_entries

    found = list_entries(what, data_dir)
    if as_json:
        print(json.dumps(found))  # noqa: T201  for the next program
        return GOOD
    columns = [column for column in next(iter(found.values())) if column not in ("what", "source")]
    table = Table(box=None, pad_edge=False)
    table.add_column(what[:-1], min_width=max(map(len, found)))  # whole, however narrow the terminal
    for column in (*columns, "what"):
        table.add_column(column, overflow="fold")
    for name, row in found.items():
        source = f" [dim]{escape(str(row['source']))}[/]" if "source" in row else ""
        cells = (escape(str(row[column])) for column in columns)
        table.add_row(f"[bold]{escape(name)}[/]", *cells, escape(str(row["what"])) + source)
    Console(width=max(console.width, LIST_WIDTH)).print(table)
    if what == "suites":
        from zoo.suites.registry import suite_problems

        for problem in suite_problems():
            errors.print(f"[yellow]{escape(problem)}", highlight=False, soft_wrap=True)
    return GOOD


def download(
    name: Annotated[str, typer.Argument(help="mnist, fashion_mnist, kmnist, cifar10, cifar100 or svhn.")],
    data_dir: DataDir = None,
) -> int:
    """Download a data set through torchvision, unless it is there."""
    from zoo.data.datasets import download as fetch

    if data_dir is None:
        refuse("No folder to download to. Pass --data-dir or set GAPBENCH_DATA.")
    done = "was downloaded" if fetch(name, data_dir) else "is there already"
    console.print(f"{name} {done}: --dataset {name} takes it from {data_dir}.", markup=False, soft_wrap=True)
    return GOOD


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A zoo's directory.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write, .csv or .parquet.")],
    layers: Annotated[bool, typer.Option("--layers", help="Write one row per network, measure and layer.")] = False,
) -> int:
    """Write a zoo's ledger, one row per network, as CSV or Parquet."""
    from harness.reports.write_results import report_repairs, write_ledger
    from harness.store.store import open_store
    from harness.store.to_ledger import frame_of, layers_of

    if output.suffix not in {".csv", ".parquet"}:
        refuse(f"The output must end in .csv or .parquet; got {output.name}.")
    if not output.absolute().parent.is_dir():
        refuse(f"The output must lie in a folder that exists; got {output}.")
    with open_store(folder) as store:
        ledger = layers_of(store) if layers else frame_of(store)
        report_repairs(store, errors)
    if layers and ledger.empty:
        refuse(
            f"{folder} holds no contributions of layers. gapbench score --layers stores them, for measures that are "
            "sums or products over layers."
        )
    write_ledger(ledger, output)
    console.print(
        f"{len(ledger)} {'rows' if layers else 'networks'}, {len(ledger.columns)} columns: "
        f"[bold]{escape(str(output))}[/]",
        soft_wrap=True,
    )
    return GOOD
