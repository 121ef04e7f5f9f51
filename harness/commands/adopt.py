"""Command that makes a zoo of networks that were trained elsewhere: gapbench adopt."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from harness.commands.errors import GOOD, NEGATIVE, console, refuse
from harness.commands.options import DataDir, Device


def adopt(
    networks: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="A CSV file, a row for each network; see docs/your_own_networks.md."),
    ],
    out: Annotated[Path, typer.Option(help="Directory of the zoo; networks that it holds are not adopted again.")],
    model: Annotated[
        str,
        typer.Option(
            help="What builds a network: my_model.py:build, timm:NAME, torchvision:NAME or transformers:FOLDER. "
            "\\[default: the column model]"
        ),
    ] = "",
    data: Annotated[
        str,
        typer.Option(
            help="What they were trained on: a data set, its folder, or my_data.py:load. \\[default: the column data]"
        ),
    ] = "",
    data_dir: DataDir = None,
    mean: Annotated[
        str,
        typer.Option(help="Normalises images, by channel, in grey levels of 255. \\[default: that of the images]"),
    ] = "",
    std: Annotated[str, typer.Option(help="The same, standard deviation.")] = "",
    train_rows: Annotated[
        str, typer.Option(help="START:STOP of the training examples, as :2000. \\[default: all]")
    ] = "",
    examples: Annotated[
        int | None, typer.Option(min=1, help="Training examples that measures see, a fixed draw. [default: all]")
    ] = None,
    unlabeled: Annotated[
        bool,
        typer.Option(help="Show measures half of the test inputs without labels; the gap is that on the other half."),
    ] = True,
    device: Device = "auto",
) -> int:
    """Make a zoo of networks that were trained elsewhere, from a table of their checkpoints.

    Every network is built, loaded and tested on its data. One that does not fit is named with the reason, and the
    others go on. Then `gapbench score DIR` scores them, and `gapbench rank DIR` ranks the measures.
    """
    from harness.adopting.adopt import AdoptOptions, Refused
    from harness.adopting.adopt import adopt as adopt_networks
    from harness.adopting.table import read_table
    from harness.pipeline.plan import resolve_device
    from harness.pipeline.progress import report_progress
    from harness.store.lock import hold
    from harness.store.store import Store

    options = AdoptOptions(
        model=model,
        data=data,
        data_dir=data_dir,
        mean=_numbers("--mean", mean),
        std=_numbers("--std", std),
        train_rows=train_rows,
        examples=examples,
        halved=unlabeled,
        device=resolve_device(device),
    )
    rows = read_table(networks)
    refused: list[Refused] = []
    with hold(out), Store(out) as store:
        with report_progress(console, out, "adopting", len(rows)) as advance:
            for result in adopt_networks(rows, options, store):
                if isinstance(result, Refused):
                    refused.append(result)
                advance()
        held = len(store.runs())
    for one in refused:
        console.print(f"[red]{escape(one.name)}[/]: {escape(one.why)}", highlight=False, soft_wrap=True)
    console.print(
        f"{len(rows) - len(refused)} of {len(rows)} networks were adopted; {escape(str(out))} holds {held}. "
        + (f"Next: gapbench score {escape(str(out))} --measures core" if held else ""),
        highlight=False,
        soft_wrap=True,
    )
    return NEGATIVE if refused else GOOD


def _numbers(option: str, text: str) -> tuple[float, ...] | None:
    if not text:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        refuse(f"{option} must be numbers with commas, as 125.3,123.0,113.9; got {text!r}.")
