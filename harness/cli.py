"""Command line of gapbench. Commands import heavy libraries when they run, so that --help is quick."""

import importlib.metadata
import sys
from collections.abc import Callable
from typing import Annotated, Final

import typer

from harness.commands.adopt import adopt
from harness.commands.doctor import doctor
from harness.commands.errors import end_on_sigterm, report_user_errors
from harness.commands.list import describe, download, export, list_
from harness.commands.merge import merge
from harness.commands.plan import plan
from harness.commands.predict import predict
from harness.commands.rank import page, rank, table
from harness.commands.run import run, score, train
from harness.commands.select import select
from harness.commands.shifts import shifts
from harness.commands.status import status
from harness.commands.submit import check, new

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The benchmark of complexity measures for deep learning: which of them predict the generalization gap?",
    epilog="Start with `gapbench run smoke`: twelve small networks, trained, scored and ranked in under a minute.",
)

RUN_EXAMPLES: Final = (
    "Examples: `gapbench run smoke` · `gapbench run digits --out zoo` · "
    "`gapbench run smoke --dataset cifar10 --data-dir data` · `gapbench run digits --plugin my_measure.py` · "
    "`gapbench run my_suite.py` · `gapbench run digits --secret-seed secret`"
)
RANK_EXAMPLES: Final = (
    "Examples: `gapbench rank runs/digits` · `gapbench rank ledger.csv --target loss_gap --json` · "
    "`gapbench rank runs/digits --beside runs/digits-held-out`"
)
ADOPT_EXAMPLES: Final = (
    "Examples: `gapbench adopt networks.csv --model my_model.py:build --data cifar10 --data-dir data --out mine` · "
    "`gapbench adopt networks.csv --model timm:resnet18 --data my_data.py:load --out mine`"
)
PLAN_EXAMPLES: Final = (
    "Examples: `gapbench plan digits` · `gapbench plan digits --difference 0.05` · "
    "`gapbench plan cifar10 --size reference --networks 1000` · `gapbench plan runs/digits --difference 0.1 --json`"
)
PREDICT_EXAMPLES: Final = (
    "Examples: `gapbench predict runs/mine --reference digits` · "
    "`gapbench predict runs/mine --reference runs/digits` · "
    "`gapbench predict mine.csv --reference ledger.csv --target test_error --json`"
)
COMMANDS: Final[tuple[tuple[Callable[..., int], str], ...]] = (  # in the order of --help, each with its epilog
    (run, RUN_EXAMPLES),
    (train, "Example: `gapbench train digits --out zoo --fleet 8`"),
    (score, "Examples: `gapbench score digits --out zoo --measures hess_trace,fro_dist` · `gapbench score zoo`"),
    (adopt, ADOPT_EXAMPLES),
    (status, "Examples: `gapbench status runs/digits` · `gapbench status runs/digits --json`"),
    (doctor, "Examples: `gapbench doctor runs/digits` · `gapbench doctor runs/digits --repair`"),
    (merge, "Example: `gapbench merge runs/digits-shard-* --out runs/digits`"),
    (rank, RANK_EXAMPLES),
    (page, "Examples: `gapbench page runs/digits --target loss_gap` · `... --beside runs/digits-held-out`"),
    (table, "Example: `gapbench table runs/digits --markdown --keep docs/leaderboard.json -o README.md`"),
    (predict, PREDICT_EXAMPLES),
    (shifts, "Examples: `gapbench shifts reference:cifar10` · `gapbench shifts ledger.csv --clean test_error --json`"),
    (select, "Examples: `gapbench select runs/digits` · `gapbench select ledger.csv --target test_error --pool 20`"),
    (
        check,
        "Examples: `gapbench check my_measure.py` · `... --markdown verdict.md` to paste into a pull request",
    ),
    (new, "Examples: `gapbench new max_dist` · `gapbench new my_suite --suite`"),
    (list_, "Example: `gapbench list measures --json`"),
    (describe, "Examples: `gapbench describe hess_trace` · `gapbench describe hess_trace --json`"),
    (plan, PLAN_EXAMPLES),
    (download, "Example: `gapbench download cifar10 --data-dir data`"),
    (export, "Examples: `gapbench export runs/digits -o ledger.csv` · `... --layers -o layers.parquet`"),
)


def show_version(wanted: bool) -> None:
    """Show the version and exit, where it is asked for."""
    if wanted:
        print(f"gapbench {importlib.metadata.version('gapbench')}")  # noqa: T201  one plain line
        raise typer.Exit


@app.callback()
def take_options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=show_version)
    ] = False,
) -> None:
    """Take the options that precede a command; its docstring would replace the help of `app`."""


for command, examples in COMMANDS:
    app.command(command.__name__.rstrip("_"), epilog=examples)(report_user_errors(command))


def main() -> None:
    """Run the console script."""
    if sys.platform == "win32":
        sys.exit("gapbench does not run on Windows itself; use it in WSL, the Windows Subsystem for Linux.")
    end_on_sigterm()
    app(prog_name="gapbench")


if __name__ == "__main__":
    main()
