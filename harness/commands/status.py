"""Command that shows how far a zoo is: gapbench status."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.errors import GOOD, console
from harness.commands.json_output import print_json
from harness.commands.options import Json


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A zoo's directory.")],
    as_json: Json = False,
) -> int:
    """Show how far a zoo is: networks, scores, failures by reason, rate and time left, also while another run works."""
    from harness.care.status import read_status

    found = read_status(folder)
    step = found.step
    if as_json:
        rate = {} if step is None else {"networks_per_hour": step.per_hour, "seconds_left": step.seconds_left}
        print_json({**asdict(found), **rate})
        return GOOD
    lines = [f"at work   {found.holder or 'no process'}", f"networks  {found.networks} trained"]
    if found.scores:
        lines.append("scores    " + ", ".join(f"{number} {outcome}" for outcome, number in found.scores.items()))
    if step is not None:
        rate_text = "" if step.per_hour is None else f", {step.per_hour:.0f} an hour"
        left = "" if not step.seconds_left or found.holder is None else f", about {step.seconds_left:.0f} s left"
        lines.append(f"last step {step.task}: {step.done} of {step.total} networks{rate_text}{left} ({step.at})")
    lines += [f"{number} scores {reason}" for reason, number in found.failures.items()]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if found.holder is None and step is not None and step.done < step.total:
        console.print("The last command did not end; the same command continues from there.", soft_wrap=True)
    return GOOD
