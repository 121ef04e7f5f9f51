"""Command that merges zoos: gapbench merge."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.errors import GOOD, console, refuse
from harness.commands.json_output import print_json
from harness.commands.options import Json


def merge(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", help="Directories of zoos, such as shards.")],
    out: Annotated[Path, typer.Option(help="The directory of the union; what it holds already stays.")],
    as_json: Json = False,
) -> int:
    """Merge zoos, such as the shards of a suite: their networks, scores and observations.

    The same network with other figures in two zoos is refused; nothing is merged then. Unfinished files are left out.
    """
    from harness.store.lock import hold
    from harness.store.merge import merge as unite
    from harness.store.snapshot import require_zoo

    for folder in folders:
        require_zoo(folder)
        if folder.resolve() == out.resolve():
            refuse(f"--out must be another directory than those that are merged; got {out}.")
    with hold(out):
        merged = unite(folders, out)
    if as_json:
        print_json({"networks": merged.networks, "scores": merged.scores, "left_out": merged.left_out})
        return GOOD
    for sentence in merged.left_out:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{merged.networks:,} networks and {merged.scores:,} scores of {len(folders)} zoos were added to {out}.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        f"Next: gapbench run SUITE --out {out} computes what is missing and ranks; gapbench rank {out} only ranks.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return GOOD
