"""Commands that list, describe, download and export: gapbench list | describe | download | export."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.commands.errors import GOOD, console, errors, refuse
from harness.commands.json_output import print_json
from harness.commands.options import DataDir, Json, complete_measure

if TYPE_CHECKING:
    import pandas as pd

LIST_WIDTH: Final = 160  # a narrower terminal wraps lines, which reads better than columns of four letters
SHOWN: Final[dict[str, dict[str, str]]] = {  # the columns of each table and the attributes that they show
    "suites": {"networks": "networks", "settles Psi": "settles", "data": "data", "two cores": "cores", "GPU": "gpu"},
    "measures": {"family": "family", "track": "track", "needs": "needs", "sign": "expected_sign", "cost": "cost"},
    "datasets": {},
    "corruptions": {},
}


def list_(
    what: Annotated[
        Literal["suites", "measures", "datasets", "corruptions"], typer.Argument(help="Kind of thing to list.")
    ],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> int:
    """List suites, measures, data sets or corruptions."""
    from harness.reports.listing import MeasureEntry, list_entries

    found = list_entries(what, data_dir)
    if as_json:
        print_json({what: {name: asdict(entry) for name, entry in found.items()}})
        return GOOD
    table = Table(box=None, pad_edge=False)
    table.add_column(what[:-1], min_width=max(map(len, found)))  # whole, however narrow the terminal
    for heading in (*SHOWN[what], "what"):
        table.add_column(heading, overflow="fold")
    for name, entry in found.items():
        cells = (escape(_cell(heading, getattr(entry, attribute))) for heading, attribute in SHOWN[what].items())
        source = f" [dim]{escape(entry.source)}[/]" if isinstance(entry, MeasureEntry) else ""
        table.add_row(f"[bold]{escape(name)}[/]", *cells, escape(entry.what) + source)
    Console(width=max(console.width, LIST_WIDTH)).print(table)
    if what == "suites":
        from zoo.suites.registry import suite_problems

        for problem in suite_problems():
            errors.print(f"[yellow]{escape(problem)}", highlight=False, soft_wrap=True)
    return GOOD


def _cell(heading: str, value: object) -> str:
    """Write a value for a table; a dash where there is none."""
    match value:
        case None:
            return "–"
        case float():
            return f"{value:.2f}"
        case tuple():
            return ", ".join(value)
        case int() if heading == "sign":
            return f"{value:+d}"
        case _:
            return str(value)


def describe(
    name: Annotated[str, typer.Argument(help="A measure of the catalogue.", autocompletion=complete_measure)],
    as_json: Json = False,
) -> int:
    """Describe a measure: its definition with the formula, its source, needs, sign, cost and noise."""
    from harness.reports.listing import describe_measure

    found = describe_measure(name)
    if as_json:
        print_json({"measure": name, **asdict(found)})
        return GOOD
    noise = "not measured" if found.noise is None else f"{found.noise:.2g} of the spread between networks"
    facts = {
        "family": found.family,
        "expected": f"a {'larger' if found.expected_sign > 0 else 'smaller'} score, a larger gap",
        "needs": ", ".join(found.needs) or "the network and its training data",
        "cost": found.cost or "none beside shared passes",
        "noise": noise,
        "version": str(found.version),
        "source": found.source,
    }
    console.print(f"[bold]{escape(name)}[/]", highlight=False)
    for key, value in facts.items():
        console.print(f"{key:>9}  {value}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"\n{found.definition.strip()}", markup=False, highlight=False, soft_wrap=True)
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
