"""Command that examines and repairs a zoo: gapbench doctor."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.errors import GOOD, NEGATIVE, console
from harness.commands.json_output import print_json
from harness.commands.options import Json


def doctor(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A zoo's directory.")],
    repair: Annotated[
        bool, typer.Option("--repair", help="Repair what can be computed again; damaged files are moved, not deleted.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Examine a zoo: rows against weight files, digests, scores, orphans and files that were never finished.

    The exit status is 1 if damage remains. A ledger that cannot be read is renamed, and its runs are read back from
    their weights, as by every command.
    """
    from harness.care.doctor import back_up_ledger, examine, require_contents
    from harness.store.lock import hold
    from harness.store.store import Store

    require_contents(folder)
    with hold(folder), Store(folder) as store, closing(sqlite3.connect(store.path)) as connection:
        read_back = list(store.repairs)
        findings = examine(store, connection)
        copy = back_up_ledger(folder) if repair and any(one.repair for one in findings) else None
        for one in findings if repair else []:
            if one.repair is not None:
                one.repair()
        networks = len(store.runs())
    left = [one for one in findings if not (repair and one.repair)]
    if as_json:
        told = [{"what": one.what, "remedy": one.remedy, "repaired": one not in left} for one in findings]
        print_json({"networks": networks, "read_back": read_back, "findings": told})
        return NEGATIVE if left else GOOD
    for sentence in read_back:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    for one in findings:
        remedy = one.remedy if repair or not one.remedy else f"With --repair: {one.remedy}"
        console.print(f"{one.what} {remedy}".strip(), markup=False, highlight=False, soft_wrap=True)
    if copy is not None:
        console.print(f"The ledger before the repair: {copy}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{networks} networks, {len(findings)} findings, {len(findings) - len(left)} repaired.", highlight=False
    )
    return NEGATIVE if left else GOOD
