"""Command-line options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from harness.pipeline.run_options import DeviceName, ExecutorName, ModeName, PrecisionName, SizeName


def complete_measure(begun: str) -> list[str]:
    """List the measures of the catalogue whose names begin so; after a comma, those that can follow."""
    from harness.store.catalogue_source import read_catalogue

    before, comma, last = begun.rpartition(",")
    return [f"{before}{comma}{name}" for name in read_catalogue() if name.startswith(last)]


def complete_suite(begun: str) -> list[str]:
    """List the suites whose names begin so."""
    from zoo.suites.registry import suites

    return [name for name in suites() if name.startswith(begun)]


Suite = Annotated[
    str,
    typer.Argument(
        autocompletion=complete_suite,
        metavar="SUITE|FILE",
        help="The networks to train; see `gapbench list suites`. Or a Python file, see `gapbench new --help`.",
    ),
]
SuiteOrZoo = Annotated[
    str,
    typer.Argument(
        autocompletion=complete_suite,
        metavar="SUITE|FILE|DIR",
        help="A suite or its file, whose trained networks lie in --out; or the directory of any zoo.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="The zoo's directory; what it already holds is not done again. [default: runs/SUITE]"),
]
Device = Annotated[DeviceName, typer.Option(help="Where to compute; auto takes a GPU if there is one.")]
Fleet = Annotated[str, typer.Option(help="Networks of one shape to train at once; auto times a few sizes.")]
ModeOption = Annotated[
    ModeName,
    typer.Option("--mode", help="Training engine; auto times those that the device has, once a machine."),
]
PrecisionOption = Annotated[
    PrecisionName,
    typer.Option("--precision", help="Of the matrix products of training; scoring is always float32."),
]
ExecutorOption = Annotated[
    ExecutorName,
    typer.Option(
        "--executor",
        help="This process, worker processes, or Ray (pip install 'gapbench\\[ray]'): the cluster at RAY_ADDRESS, "
        "or this machine.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Workers at once. [default: one a core; on Ray as many as the cluster has room for]"),
]
GpusPerWorker = Annotated[
    float, typer.Option(min=0.01, max=1, help="Share of a GPU for each worker on Ray: 0.25 puts four on one GPU.")
]
TimeLimit = Annotated[
    float | None,
    typer.Option(
        min=1,
        help="Seconds without a result after which a worker counts as hung and is ended; not with --executor local. "
        "[default: a day]",
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first so many networks of the suite.")]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Only shard I of N, for one of N machines; join them with `gapbench merge`.",
    ),
]
Dataset = Annotated[
    str | None, typer.Option(help="Image set that replaces that of every recipe; see `gapbench list datasets`.")
]
DataDir = Annotated[
    Path | None,
    typer.Option(envvar="GAPBENCH_DATA", help="Folder of data sets, e.g. holding cifar10/{train,test}.parquet."),
]
Measures = Annotated[
    str | None,
    typer.Option(
        autocompletion=complete_measure,
        help="Comma-separated names or families; core for some of each kind; or all. See `gapbench list measures`. "
        "[default: those of the suite]",
    ),
]
Plugin = Annotated[Path | None, typer.Option(help="A Python file that defines more measures.")]
SizeOption = Annotated[
    SizeName,
    typer.Option("--size", help="On two cores in minutes; in hours, where a suite has it; or on a GPU."),
]
Retraining = Annotated[
    bool, typer.Option("--retraining", help="Include the measures that take training steps: several times the time.")
]
Layers = Annotated[
    bool, typer.Option("--layers", help="Also store the contribution of each layer to a score; see `export`.")
]
Target = Annotated[
    str,
    typer.Option(
        metavar="TARGET",
        help="What the measures should predict: gap, loss_gap, test_error, or what the ledger observed, such as "
        "error_under.fog.3 or error_under.mean.",
    ),
]
Within = Annotated[str, typer.Option(help="Also rank within each value of this hyperparameter; none for none.")]
AllRuns = Annotated[bool, typer.Option("--all-runs", help="Rank networks that did not converge, too.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only build the networks, and print what memory each shape takes.")
]
SecretSeed = Annotated[
    Path | None,
    typer.Option(
        help="File of random bytes that draws other seeds and levels: a held-out zoo. "
        "Make one: head -c 32 /dev/urandom > FILE"
    ),
]
Beside = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR|LEDGER", help="Compare with this held-out zoo: which results of the public zoo hold there?"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
