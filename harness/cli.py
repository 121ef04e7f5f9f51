"""The command line: gapbench run | train | score | rank | page | table | check | new | list ... Heavy imports wait."""

import json
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, ParamSpec

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from harness.plan import Plan

P = ParamSpec("P")

GOOD, NEGATIVE, USAGE = 0, 1, 2
LIST_WIDTH = 160  # a narrower terminal wraps the lines, which is easier to read than columns of four letters
RUN_EXAMPLES = (
    "Examples: `gapbench run smoke` · `gapbench run digits --out zoo` · "
    "`gapbench run smoke --dataset cifar10 --data-dir data` · `gapbench run digits --plugin my_measure.py`"
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The benchmark of complexity measures for deep learning: which of them predict the generalization gap?",
    epilog="Start with `gapbench run smoke`: twelve small networks, trained, scored and ranked in under a minute.",
)
console = Console()
errors = Console(stderr=True)

Suite = Annotated[str, typer.Argument(help="The networks to train; see `gapbench list suites`.")]
Out = Annotated[
    Path | None,
    typer.Option(help="The zoo's directory; what it already holds is not done again. [default: runs/SUITE]"),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option(help="Where to compute; auto takes a GPU if there is one.")
]
Fleet = Annotated[str, typer.Option(help="Networks of one shape trained side by side; auto times a few sizes.")]
ModeName = Annotated[
    Literal["auto", "loop", "graph", "fleet", "compiled", "compiled_graph"],
    typer.Option(help="The engine of training; auto times those that the device has, once a machine."),
]
PrecisionName = Annotated[
    Literal["auto", "float32", "bf16"],
    typer.Option(help="Of the matrix products of training; auto is float32, scoring always is."),
]
ExecutorName = Annotated[
    Literal["auto", "local", "processes", "ray"],
    typer.Option(help="This process, worker processes, or a Ray cluster (pip install 'gapbench\\[ray]')."),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes. [default: one a core]")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first so many networks of the suite.")]
Dataset = Annotated[str | None, typer.Option(help="Another image set for all recipes; see `gapbench list datasets`.")]
DataDir = Annotated[
    Path | None,
    typer.Option(envvar="GAPBENCH_DATA", help="Folder of data sets, e.g. holding cifar10/{train,test}.parquet."),
]
Measures = Annotated[
    str | None,
    typer.Option(
        help="Comma-separated names, or all; see `gapbench list measures`. [default: what the suite is about]"
    ),
]
Plugin = Annotated[Path | None, typer.Option(help="A Python file that defines more measures.")]
SizeOption = Annotated[
    Literal["small", "full"], typer.Option("--size", help="The study on two cores, or as published, for a GPU.")
]
Retraining = Annotated[
    bool, typer.Option("--retraining", help="Also the measures that train networks anew: several times the time.")
]
Layers = Annotated[bool, typer.Option("--layers", help="Store what each layer gives to a score; see `export`.")]
Target = Annotated[Literal["gap", "loss_gap", "test_error"], typer.Option(help="What the measures should predict.")]
Within = Annotated[str, typer.Option(help="The hyperparameter whose values are also ranked one by one; none for none.")]
AllRuns = Annotated[bool, typer.Option("--all-runs", help="Rank networks that did not converge, too.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _answering(command: Callable[P, int]) -> Callable[P, None]:
    """Turn bad input into one sentence and exit status 2, and Ctrl-C into a word on how to go on."""

    @wraps(command)
    def answered(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            status = command(*args, **kwargs)
        except OSError as error:
            _refuse(f"{error.filename} cannot be used: {error.strerror}." if error.filename else str(error))
        except (ValueError, LookupError, RuntimeError) as error:
            if type(error).__module__ == "builtins" and not str(error).endswith((".", "?", "]")):
                raise  # a fault of the program, not of its input
            _refuse(str(error))
        except KeyboardInterrupt:
            errors.print("\nInterrupted. What was finished is kept; the same command goes on from there.")
            raise typer.Exit(130) from None
        raise typer.Exit(status)

    return answered


def _refuse(message: str) -> NoReturn:
    errors.print(f"[red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(USAGE)


@app.command(epilog=RUN_EXAMPLES)
@_answering
def run(
    suite: Suite = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    fleet: Fleet = "auto",
    mode: ModeName = "auto",
    precision: PrecisionName = "auto",
    executor: ExecutorName = "auto",
    workers: Workers = None,
    limit: Limit = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    measures: Measures = None,
    plugin: Plugin = None,
    retraining: Retraining = False,
    layers: Layers = False,
) -> int:
    """Train a suite's networks, score them, rank the measures and write the leaderboard.

    Interrupted at any moment, the same command goes on where it was.
    """
    from harness.pipeline import observe_missing, score_missing, train_missing
    from harness.report import write_results
    from harness.store import Store
    from leaderboard.claims.table import render_claims
    from leaderboard.table import render

    plan = _planned(locals())
    with Store(plan.out) as store:
        steps = (train_missing, observe_missing, score_missing)
        failed = sum(step(plan, store, console) for step in steps)
        if not store.runs():
            errors.print("[red]No network was trained, so there is nothing to rank.")
            return NEGATIVE
        report = write_results(store, plan.suite)
    render(report, console)
    render_claims(report["claims"], console)
    console.print(f"\nThe page: [bold]{escape(str(plan.out / 'leaderboard.html'))}[/]", soft_wrap=True)
    return NEGATIVE if failed else GOOD


@app.command(epilog="Example: `gapbench train digits --out zoo --fleet 8`")
@_answering
def train(
    suite: Suite = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    fleet: Fleet = "auto",
    mode: ModeName = "auto",
    precision: PrecisionName = "auto",
    executor: ExecutorName = "auto",
    workers: Workers = None,
    limit: Limit = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
) -> int:
    """Train a suite's networks, those that the directory does not hold yet."""
    from harness.pipeline import train_missing
    from harness.store import Store

    plan = _planned(locals(), measures=None, plugin=None)
    with Store(plan.out) as store:
        return NEGATIVE if train_missing(plan, store, console) else GOOD


@app.command(epilog="Example: `gapbench score digits --out zoo --measures hess_trace,fro_dist`")
@_answering
def score(
    suite: Suite = "digits",
    size: SizeOption = "small",
    out: Out = None,
    device: Device = "auto",
    executor: ExecutorName = "auto",
    workers: Workers = None,
    limit: Limit = None,
    dataset: Dataset = None,
    data_dir: DataDir = None,
    measures: Measures = None,
    plugin: Plugin = None,
    retraining: Retraining = False,
    layers: Layers = False,
) -> int:
    """Score the trained networks of a suite with the measures that they lack."""
    from harness.pipeline import score_missing
    from harness.report import opened

    plan = _planned(locals(), fleet="auto")
    with opened(plan.out) as store:
        return NEGATIVE if score_missing(plan, store, console) else GOOD


@app.command(epilog="Examples: `gapbench rank runs/digits` · `gapbench rank ledger.csv --target loss_gap --json`")
@_answering
def rank(
    source: Annotated[
        Path, typer.Argument(metavar="DIR|LEDGER", help="A zoo's directory, or a ledger as CSV or Parquet.")
    ],
    target: Target = "gap",
    within: Within = "corruption",
    all_runs: AllRuns = False,
    hp: Annotated[str | None, typer.Option(help="Columns that are hyperparameters: names or patterns, a,b*.")] = None,
    measure: Annotated[str | None, typer.Option(help="Columns that are measures, likewise.")] = None,
    gap: Annotated[str | None, typer.Option(help="The column of the gap.")] = None,
    bins: Annotated[str | None, typer.Option(help="Bins of hyperparameters, a=4,b=0; 0 for none.")] = None,
    seeds: Annotated[
        Literal["averaged", "kept"], typer.Option(help="Compare means over seeds, or networks, in Psi.")
    ] = "averaged",
    weights: Annotated[
        Literal["hoeffding", "binomial"], typer.Option(help="Of the sign error: a bound, or exact probabilities.")
    ] = "hoeffding",
    bootstrap: Annotated[int, typer.Option(min=0, help="Resamples and permutations; 0 for none.")] = 1000,
    as_json: Json = False,
) -> int:
    """Rank the measures of a zoo, or of anybody's ledger: columns `hp.*`, `gap` and `measure.*`, or as you map them."""
    from harness.report import bins_of, columns_of, ranked
    from leaderboard.table import render

    report, _ = ranked(
        source,
        target,
        None if within == "none" else within,
        errors,
        all_runs=all_runs,
        columns=columns_of(hp, measure, gap),
        bins=bins_of(bins),
        seeds=seeds,
        weights=weights,
        bootstrap=bootstrap,
    )
    if as_json:
        print(json.dumps(report, allow_nan=False))  # noqa: T201  for the next program, so without rich's wrapping
    else:
        render(report, console)
    return GOOD


@app.command(epilog="Example: `gapbench page runs/digits --target loss_gap`")
@_answering
def page(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A zoo's directory.")],
    target: Target = "gap",
    within: Within = "corruption",
    all_runs: AllRuns = False,
) -> int:
    """Write leaderboard.html again from what the directory holds."""
    from harness.files import write_text
    from harness.report import curves_of, opened, ranked
    from leaderboard.page import build

    with opened(folder) as store:
        curves = curves_of(store)
    report, ledger = ranked(folder, target, None if within == "none" else within, errors, all_runs=all_runs)
    destination = folder / "leaderboard.html"
    write_text(destination, build(report, ledger, report["provenance"], curves=curves))
    console.print(f"The page: [bold]{escape(str(destination))}[/]", soft_wrap=True)
    return GOOD


@app.command(
    epilog="Examples: `gapbench check my_measure.py` · `... --markdown verdict.md` to paste into a pull request"
)
@_answering
def check(
    file: Annotated[Path, typer.Argument(help="A Python file that defines a measure; see `gapbench new`.")],
    as_json: Json = False,
    markdown: Annotated[Path | None, typer.Option(help="Also write the verdict as Markdown to this file.")] = None,
    time_limit: Annotated[float, typer.Option(min=10, help="Seconds for the whole verdict.")] = 60.0,
) -> int:
    """Judge a measure of your own: its contract, what it sees, where it stands on 48 small networks.

    Exit status 0 says that it is accepted, 1 that it is not, with each reason and how to mend it.
    """
    from harness.check import check as judged
    from harness.checking.report import as_markdown, render
    from harness.files import write_text

    if markdown is not None and not markdown.absolute().parent.is_dir():
        _refuse(f"The verdict must be written into a folder that exists; got {markdown}.")
    report = judged(file, time_limit)
    if markdown is not None:
        write_text(markdown, as_markdown(report))
    if as_json:
        print(json.dumps(report, allow_nan=False))  # noqa: T201  for the next program
    else:
        render(report, console)
    return GOOD if report["accepted"] else NEGATIVE


@app.command(epilog="Example: `gapbench new max_dist`")
@_answering
def new(
    name: Annotated[str, typer.Argument(help="What the measure is called, as a Python name: max_dist.")],
    folder: Annotated[Path, typer.Option("--dir", help="Where to write the two files.")] = Path(),
) -> int:
    """Write the file of a measure, and its test, to start from."""
    from harness.new import new as started

    measure, test = started(name, folder)
    console.print(
        f"The measure: [bold]{escape(str(measure))}[/], its test: [bold]{escape(str(test))}[/].", soft_wrap=True
    )
    console.print(f"Try it: gapbench check {measure}", markup=False, highlight=False, soft_wrap=True)
    return GOOD


@app.command(epilog="Example: `gapbench table runs/digits --markdown --keep docs/leaderboard.json -o README.md`")
@_answering
def table(
    source: Annotated[Path, typer.Argument(metavar="DIR|JSON", help="A zoo's directory, or a ranking that was kept.")],
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, the best measures only.")] = False,
    rows: Annotated[int, typer.Option(min=1, help="Measures in Markdown.")] = 15,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File in which the Markdown is written, between its marks.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether the file shows it; status 1 if not.")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="File to keep what the table is made of, as JSON.")] = None,
) -> int:
    """Show the ranking that a directory holds, without ranking again."""
    from harness.readme import keep as kept
    from harness.readme import put, report_in
    from leaderboard.markdown import markdown as as_markdown
    from leaderboard.table import render

    report = report_in(source)
    if keep is not None:
        kept(report, keep)
    if not markdown:
        if output is not None or check:
            _refuse("Only Markdown is written to a file; add --markdown.")
        render(report, console)
        return GOOD
    if output is None:
        print(as_markdown(report, rows), end="")  # noqa: T201  for a file or the next program
        return GOOD
    same = put(as_markdown(report, rows), output, check=check)
    console.print(f"{output} {'shows it' if same else 'shows another' if check else 'was written'}.", markup=False)
    return NEGATIVE if check and not same else GOOD


@app.command("list", epilog="Example: `gapbench list measures --json`")
@_answering
def list_(
    what: Annotated[Literal["suites", "measures", "datasets", "corruptions"], typer.Argument(help="What to list.")],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> int:
    """List what there is to train, to score with, to train on, and to do to the data."""
    from harness.listing import listed

    found = listed(what, data_dir)
    if as_json:
        print(json.dumps(found))  # noqa: T201  for the next program
        return GOOD
    columns = [column for column in next(iter(found.values())) if column not in ("what", "source")]
    table = Table(box=None, pad_edge=False)
    table.add_column(what[:-1], min_width=max(map(len, found)))  # whole, however narrow the terminal
    for column in (*columns, "what"):
        table.add_column(column, overflow="fold")
    for name, row in found.items():
        source = f" [dim]{escape(row['source'])}[/]" if "source" in row else ""
        cells = (escape(str(row[column])) for column in columns)
        table.add_row(f"[bold]{escape(name)}[/]", *cells, escape(row["what"]) + source)
    Console(width=max(console.width, LIST_WIDTH)).print(table)
    return GOOD


@app.command(epilog="Example: `gapbench download cifar10 --data-dir data`")
@_answering
def download(
    name: Annotated[str, typer.Argument(help="mnist, fashion_mnist, kmnist, cifar10, cifar100 or svhn.")],
    data_dir: DataDir = None,
) -> int:
    """Fetch a data set from where torchvision finds it, unless it is there."""
    from zoo.datasets import download as fetch

    if data_dir is None:
        _refuse("The folder to download to must be given with --data-dir or GAPBENCH_DATA; got none.")
    done = "was downloaded" if fetch(name, data_dir) else "is there already"
    console.print(f"{name} {done}: --dataset {name} takes it from {data_dir}.", markup=False, soft_wrap=True)
    return GOOD


@app.command(epilog="Examples: `gapbench export runs/digits -o ledger.csv` · `... --layers -o layers.parquet`")
@_answering
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A zoo's directory.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write, .csv or .parquet.")],
    layers: Annotated[bool, typer.Option("--layers", help="One row a network, measure and layer instead.")] = False,
) -> int:
    """Write a zoo's ledger, one row a network, as CSV or Parquet."""
    from harness.ledger import frame_of, layers_of
    from harness.report import opened, tell_repairs, write_ledger

    if output.suffix not in {".csv", ".parquet"}:
        _refuse(f"The output must end in .csv or .parquet; got {output.name}.")
    if not output.absolute().parent.is_dir():
        _refuse(f"The output must lie in a folder that exists; got {output}.")
    with opened(folder) as store:
        ledger = layers_of(store) if layers else frame_of(store)
        tell_repairs(store, errors)
    write_ledger(ledger, output)
    console.print(
        f"{len(ledger)} {'rows' if layers else 'networks'}, {len(ledger.columns)} columns: "
        f"[bold]{escape(str(output))}[/]",
        soft_wrap=True,
    )
    return GOOD


def _planned(names: Mapping[str, Any], **others: Any) -> "Plan":
    """The plan of a command's options, which are among its local names."""
    from harness.plan import plan_of

    options = signature(plan_of).parameters
    return plan_of(**{name: value for name, value in names.items() if name in options}, **others)


def main() -> None:
    """The console script."""
    app(prog_name="gapbench")


if __name__ == "__main__":
    main()
