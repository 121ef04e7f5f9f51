"""Commands that list, download and export: gapbench list | download | export."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.commands.errors import GOOD, console, errors, refuse
from harness.commands.options import DataDir, Json

if TYPE_CHECKING:
    import pandas as pd

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
    source: Annotated[Path, typer.Argument(metavar="DIR", help="A zoo's directory, or reference:cifar10.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write, .csv or .parquet.")],
    layers: Annotated[bool, typer.Option("--layers", help="Write one row per network, measure and layer.")] = False,
) -> int:
    """Write a zoo's ledger, one row per network, as CSV or Parquet."""
    from harness.reports.reference import read_reference, reference_name
    from harness.reports.write_results import write_ledger

    if output.suffix not in {".csv", ".parquet"}:
        refuse(f"The output must end in .csv or .parquet; got {output.name}.")
    if not output.absolute().parent.is_dir():
        refuse(f"The output must lie in a folder that exists; got {output}.")
    reference = reference_name(source)
    if reference is not None and layers:
        refuse("A reference ledger holds no contributions of layers; leave out --layers.")
    ledger = _ledger_of(source, layers=layers) if reference is None else read_reference(reference).ledger
    write_ledger(ledger, output)
    console.print(
        f"{len(ledger)} {'rows' if layers else 'networks'}, {len(ledger.columns)} columns: "
        f"[bold]{escape(str(output))}[/]",
        soft_wrap=True,
    )
    return GOOD


def _ledger_of(folder: Path, *, layers: bool) -> "pd.DataFrame":
    """Read the ledger of a zoo's directory, one row per network, or per network, measure and layer."""
    from harness.reports.write_results import report_repairs
    from harness.store.store import open_store
    from harness.store.to_ledger import frame_of, layers_of

    with open_store(folder) as store:
        ledger = layers_of(store) if layers else frame_of(store)
        report_repairs(store, errors)
    if layers and ledger.empty:
        refuse(
            f"{folder} holds no contributions of layers. gapbench score --layers stores them, for measures that are "
            "sums or products over layers."
        )
    return ledger
