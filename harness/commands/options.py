"""Options that several commands have."""

from pathlib import Path
from typing import Annotated, Literal

import typer

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
        help="Comma-separated names; core, some of each kind; or all. See `gapbench list measures`. "
        "[default: what the suite is about]"
    ),
]
Plugin = Annotated[Path | None, typer.Option(help="A Python file that defines more measures.")]
SizeOption = Annotated[
    Literal["small", "full"], typer.Option("--size", help="The study on two cores, or as published, for a GPU.")
]
Retraining = Annotated[
    bool, typer.Option("--retraining", help="Also the measures that train networks anew: several times the time.")
]
Layers = Annotated[
    bool, typer.Option("--layers", help="Also store what each layer gives to a score, of old scores too; see `export`.")
]
Target = Annotated[Literal["gap", "loss_gap", "test_error"], typer.Option(help="What the measures should predict.")]
Within = Annotated[str, typer.Option(help="The hyperparameter whose values are also ranked one by one; none for none.")]
AllRuns = Annotated[bool, typer.Option("--all-runs", help="Rank networks that did not converge, too.")]
SecretSeed = Annotated[
    Path | None,
    typer.Option(
        help="A file of random bytes that draws seeds and levels anew: a held-out zoo. "
        "Make one: head -c 32 /dev/urandom > FILE"
    ),
]
Beside = Annotated[
    Path | None,
    typer.Option(metavar="DIR|LEDGER", help="A held-out zoo, to see which verdicts of the public one hold there."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
