"""Show the claims of a study in the terminal."""

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from leaderboard.claims.claim import JudgedClaim

COLOURS: Final = {"reproduced": "green", "not reproduced": "red", "undecided": "yellow"}


def render_claims(claims: Sequence[JudgedClaim], console: Console) -> None:
    """Print each claim with its verdict, its estimate next to the published result, or the reason why there is none."""
    if not claims:
        return
    table = Table(title="Published findings", title_justify="left", box=None, header_style="bold", pad_edge=False)
    for header in ("verdict", "claim", "here", "holds", "published"):
        table.add_column(header, overflow="fold")
    for claim in claims:
        table.add_row(
            Text(claim.verdict, style=COLOURS[claim.verdict]),
            Text(claim.statement),
            Text(describe_estimate(claim)),
            Text(f"{claim.holds} {claim.unit}".strip()),
            Text(f"{claim.published} ({claim.source})"),
        )
    console.print()
    console.print(table)


def describe_estimate(claim: JudgedClaim) -> str:
    """Describe the estimate of a claim with its interval and number of networks, or say why there is none."""
    if claim.effect is None:
        return claim.why
    interval = "" if claim.low is None else f" [{claim.low:.3g}, {claim.high:.3g}]"
    return f"{claim.effect:.3g}{interval} {claim.unit}, {claim.networks} networks"
