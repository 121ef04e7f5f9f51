"""Command that plans an experiment: gapbench plan."""

from typing import Annotated

import typer

from harness.commands.errors import GOOD, console, errors, refuse
from harness.commands.json_output import print_json
from harness.commands.options import Json, SizeOption


def plan(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SUITE|DIR|LEDGER",
            help="A suite, which need not be trained; a zoo's directory, a ledger's file or reference:cifar10.",
        ),
    ],
    difference: Annotated[
        float | None, typer.Option(help="Difference of Psi to settle: how many networks does it need?")
    ] = None,
    networks: Annotated[
        int | None, typer.Option(min=2, help="Number of networks: which difference of Psi do they settle?")
    ] = None,
    size: SizeOption = "small",
    as_json: Json = False,
) -> int:
    """Tell how large a difference of Psi between two measures networks can settle, or how many a difference needs.

    Settled means detected at 5 %, two-sided, four times in five. Networks are of the same kind as the suite's or
    ledger's; those with random labels are not counted, since Psi does not compare them.
    """
    from harness.reports.planning import precision_of

    if difference is not None and networks is not None:
        refuse("Ask for one thing: --difference for the networks it needs, or --networks for what they settle.")
    if difference is not None and not 0 < difference <= 2:  # noqa: PLR2004  Psi is between -1 and 1
        refuse(f"--difference must be above 0 and at most 2, since Psi is between -1 and 1; got {difference:g}.")
    found, origin = precision_of(source, size, errors)
    needed = None if difference is None else found.needs(difference)
    settles = found.settles(networks)
    if as_json:
        facts = {
            "networks": found.networks,
            "standard_error": found.error,
            "settles": found.settles(),
            "difference": settles if difference is None else difference,
            "networks_needed": (networks or found.networks) if needed is None else needed,
            "origin": origin,
        }
        print_json(facts)
        return GOOD
    lines = [f"{source}: {found.networks:,} networks settle a difference of {found.settles():.3f} in Psi."]
    if needed is not None:
        lines.append(f"A difference of {difference:g} needs {needed:,} networks.")
    if networks is not None:
        lines.append(f"{networks:,} networks settle a difference of {settles:.3f}.")
    lines.append(f"By {origin}.")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return GOOD
