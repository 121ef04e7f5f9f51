"""Build the leaderboard's page: one HTML file that works offline."""

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from leaderboard.claims.table import describe_estimate
from leaderboard.ledger.targets import words_of
from leaderboard.ranking.families import FamilyFacts, family_facts
from leaderboard.ranking.report import Report
from leaderboard.selection.select import SelectionReport
from leaderboard.statistics.estimator_noise import LIMIT
from leaderboard.views.families import format_gate, plain_family
from leaderboard.views.held_out import Pair, not_compared, pairs_of
from leaderboard.views.held_out_text import headline
from leaderboard.views.page.embedded import embedded
from leaderboard.views.page.facts import Facts, facts
from leaderboard.views.page.trained import choices, outcome, power_line, quantities, settings
from leaderboard.views.rows import Figure, apart_name, plain_name
from leaderboard.views.terminal import DASH, format_duration, format_labels, format_noise

ARXIV: Final = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
PICKS: Final = 10  # measures whose selection figures are listed
MINUS: Final = "\N{MINUS SIGN}"
SCRIPTS: Final = ("data", "address", "table", "plots", "panel", "start")  # parts of one program, in this order


@dataclass(frozen=True, slots=True)
class _Beside:
    pairs: Sequence[Pair]
    not_compared: Mapping[str, Sequence[str]]
    headline: str


def build(
    report: Report,
    ledger: pd.DataFrame,
    provenance: Mapping[str, object],
    destination: Path | None = None,
    *,
    curves: Mapping[str, Sequence[float]] | None = None,
    selection: SelectionReport | None = None,
) -> str:
    """Build the leaderboard as one HTML document that works offline, and write it to `destination` if given.

    Without plotly the page has everything but the plots, and says how to get them.

    Args:
        report: the ranking, with the judged claims and the comparison with a held-out zoo where there are any.
        ledger: one row for each network.
        provenance: origin of the ledger; nested mappings become groups. The entries "suite" and "date" are also in
            the heading.
        destination: file to write, UTF-8.
        curves: training loss of each epoch by run_id, for the plot of learning curves.
        selection: how good the networks are that the measures pick, from the same ledger; None to leave it out.
    """
    chapters = "\n".join(_package_text(f"{name}.js") for name in SCRIPTS)
    script, plotly = f'"use strict";\n(() => {{\n{chapters}}})();\n', _plotly_script()
    panels = facts(report, ledger)
    across = any(panel.standing.across.value is not None for panel in panels)
    document = (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            panels=panels,
            tracks=sorted({panel.standing.track for panel in panels if panel.standing.track}),
            needs=sorted({need for entry in report.measures.values() for need in entry.about.needs}),
            claims=report.claims or [],
            apart=apart_name(report) if across else "",
            across=across,
            best_told=_last_better_than_chance(panels),
            beside=_beside(report),
            family_facts=family_facts(report),
            psi_within=apart_name(report),
            selection=selection,
            shown_picks=[] if selection is None else list(selection.measures.items())[:PICKS],
            choices=choices(ledger),
            quantities=quantities(ledger),
            outcome=outcome(ledger),
            settings=settings(report),
            power=power_line(report.power),
            families=sorted({entry.family for entry in report.measures.values() if entry.family}),
            target=words_of(report.target),
            strata=plain_name(report.within.hp) if report.within else "",
            provenance=provenance,
            data=embedded(report, ledger, curves or {}),
            style=Markup(_package_text("page.css")),  # noqa: S704  our own file
            script=Markup(script),  # noqa: S704  our own file
            plotly=_packed(plotly),
            script_sources=" ".join(_hash_source(text) for text in (script, plotly) if text),
        )
    )
    if destination is not None:
        destination.write_text(document, encoding="utf-8")
    return document


def _last_better_than_chance(panels: Sequence[Facts]) -> str | None:
    """Find the last measure of the ranking that is better than chance; None if no verdict is known, "" if none is."""
    ranked = [panel.standing for panel in panels if panel.standing.place is not None]
    better = [row.name for row in ranked if row.chance == "better"]
    return (better[-1] if better else "") if any(row.chance for row in ranked) else None


def _beside(report: Report) -> _Beside | None:
    """Prepare the comparison with a held-out zoo; None without one."""
    if report.beside is None:
        return None
    return _Beside(pairs_of(report.beside), not_compared(report.beside), headline(report, report.beside))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leaderboard.views.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    environment.filters.update(
        number=_number,
        ends=_ends,
        duration=format_duration,
        labels=format_labels,
        noise=format_noise,
        measured=describe_estimate,
        plain_name=plain_name,
        breakable=_breakable,
        linked=_linked,
        fragment=lambda name: "measure=" + quote(name, safe=""),
        family_fragment=lambda family: "family=" + quote(family, safe=""),
        plain_family=plain_family,
        best_figure=_best_figure,
        gate=format_gate,
    )
    environment.globals |= {"dash": DASH, "noise_limit": LIMIT}
    return environment


def _number(value: float | None, digits: int = 3) -> str:
    return DASH if value is None else f"{value:z.{digits}f}".replace("-", MINUS)


def _best_figure(one: FamilyFacts) -> Figure:
    return Figure(value=one.psi, interval=one.interval)


def _ends(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{_number(interval[0], 2)} to {_number(interval[1], 2)}"


def _breakable(name: str) -> Markup:
    """Escape a name and let it wrap after underscores."""
    return Markup("_<wbr>").join(name.split("_"))


def _linked(source: str) -> Markup:
    """Escape a source and link the papers of arXiv in it."""
    address = '<a href="https://arxiv.org/abs/\\1" rel="noopener noreferrer">arXiv:\\1</a>'
    return Markup(ARXIV.sub(address, str(escape(source))))  # noqa: S704  digits and a point, in an escaped text


def _packed(script: str) -> str:
    """Compress a script with gzip as base64, the same for the same script; empty if it is."""
    return base64.b64encode(gzip.compress(script.encode(), mtime=0)).decode() if script else ""


def _package_text(name: str) -> str:
    return resources.files("leaderboard.views.page").joinpath(name).read_text(encoding="utf-8")


def _plotly_script() -> str:
    """Load plotly.js; empty if plotly is not installed."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        return ""
    return str(get_plotlyjs())


def _hash_source(script: str) -> str:
    """Hash a script for the page's content security policy, so that no other script runs."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
