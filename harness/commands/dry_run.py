"""Print what memory the networks of a suite take, without training them: gapbench run --dry-run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.table import Table

from harness.commands.errors import GOOD, console, table_console

if TYPE_CHECKING:
    from zoo.recipe import Recipe
    from zoo.suites.dry_run import Needs
    from zoo.suites.study import SizeName

SHOWN: Final = 8
GIB: Final = 2**30


def print_needs(suite: str, size: "SizeName", *, limit: int | None, dataset: str | None, data_dir: Path | None) -> int:
    """Build a network of each shape of a suite and print the memory of those that need most.

    Raises:
        ZooError: an unknown suite or size, a network that does not fit its images, or an unknown data set.
    """
    from zoo.suites.dry_run import needs_of
    from zoo.suites.registry import suite as find_suite

    recipes: Sequence[Recipe] = find_suite(suite).recipes(size)[:limit]
    if dataset is not None:
        recipes = [recipe.on(dataset) for recipe in recipes]
    needs = needs_of(recipes, data_dir)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for header in ("images", "model", "width", "depth", "examples", "batch"):
        table.add_column(header)
    for header in ("networks", "params", "GiB"):
        table.add_column(header, justify="right")
    alike: dict[tuple[str, ...], list[Needs]] = {}
    for one in needs:
        alike.setdefault(_choices(one), []).append(one)
    for choices, shapes in list(alike.items())[:SHOWN]:
        networks, largest = sum(one.networks for one in shapes), shapes[0]
        table.add_row(*choices, f"{networks:,}", f"{largest.params:,}", f"{largest.total / GIB:.2g}")
    table_console().print(table)
    if len(alike) > SHOWN:
        console.print(f"and {len(alike) - SHOWN} more rows, each with less")
    networks = sum(one.networks for one in needs)
    console.print(
        f"{networks} networks of {len(needs)} shapes, with those that they start from; the largest takes about "
        f"{needs[0].total / GIB:.2g} GiB where one is trained at a time. Nothing was trained.",
        soft_wrap=True,
    )
    return GOOD


def _choices(one: "Needs") -> tuple[str, ...]:
    shape = one.shape
    examples = "all" if shape.train_size is None else f"{shape.train_size:,}"
    return shape.dataset, shape.model, f"{shape.width:g}", str(shape.depth), examples, str(shape.batch_size)
