"""Write the page of all studies and source papers as one HTML file that needs no other and runs no script."""

import base64
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.reports.studies.markdown import EARLIER, describe_missing, describe_run
from harness.reports.studies.papers import VERDICTS, count_papers, papers_by_status, studies_by_name, verdicts_of
from harness.reports.studies.record import StudyRun
from leaderboard.claims import JudgedClaim, claims_of
from leaderboard.claims.registry import figure_of
from leaderboard.claims.table import describe_estimate

ARXIV: Final = re.compile(r"arXiv:(\d{4}\.\d{5})")
DOI: Final = re.compile(r"doi:(10\.[\w./-]*\w)")
CODE: Final = re.compile(r"`([^`]*)`")
MARGIN: Final = 0.12  # of a strip, beyond its outermost value, on either side


@dataclass(frozen=True, slots=True)
class Strip:
    """A claim's interval and estimate beside the range in which it holds, in percent of a strip's width."""

    range: tuple[float, float]
    interval: tuple[float, float]
    effect: float


def web_page(studies: Sequence[StudyRun], missing: Sequence[str]) -> str:
    """Write the page.

    Args:
        studies: the studies and sizes that were run; those of one study follow each other.
        missing: names of the studies that were not.
    """
    environment = Environment(
        loader=PackageLoader("harness.reports.studies", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "prose": prose,
        "paragraphs": _paragraphs,
        "estimate": describe_estimate,
        "run": describe_run,
    }
    sections = [list(sizes) for _, sizes in groupby(studies, key=lambda run: run.suite.name)]
    style = resources.files("harness.reports.studies").joinpath("web_page.css").read_text(encoding="utf-8")
    known = studies_by_name(studies)
    papers = papers_by_status(known)
    text = environment.get_template("web_page.html.j2").render(
        style=Markup(style),  # noqa: S704  our own file
        sections=sections,
        missing=missing,
        total=Counter(claim.verdict for run in studies for claim in run.claims),
        verdicts=VERDICTS,
        earlier=EARLIER,
        counts=lambda run: Counter(claim.verdict for claim in run.claims),
        picture=_picture,
        described=_describe_figure,
        not_run=describe_missing,
        strip=strip_of,
        papers=papers,
        counted=count_papers(papers),
        known=known,
        paper_verdicts=lambda paper: verdicts_of(paper, known),
    )
    return f"{text}\n"


def prose(text: str) -> Markup:
    """Escape a text, set `names` as code and link the papers of arXiv and doi.org."""
    linked = ARXIV.sub(r'<a href="https://arxiv.org/abs/\1">arXiv:\1</a>', str(escape(text)))
    linked = DOI.sub(r'<a href="https://doi.org/\1">doi:\1</a>', linked)
    return Markup(CODE.sub(r"<code>\1</code>", linked))  # noqa: S704  tags of ours around an escaped text


def strip_of(run: StudyRun, claim: JudgedClaim) -> Strip | None:
    """Lay out the strip of a claim; None if it has no interval or if its range may have changed since."""
    if claim.effect is None or claim.low is None or claim.high is None or not run.is_current:
        return None
    holds = next(known.holds for known in claims_of(claim.study) if known.name == claim.name)
    shown = [claim.low, claim.high, claim.effect, *filter(math.isfinite, (holds.low, holds.high))]
    margin = MARGIN * (max(shown) - min(shown)) or 1.0
    start, end = min(shown) - margin, max(shown) + margin

    def place(value: float) -> float:
        return round(100 * (min(max(value, start), end) - start) / (end - start), 1)

    return Strip((place(holds.low), place(holds.high)), (place(claim.low), place(claim.high)), place(claim.effect))


def _paragraphs(words: str) -> list[Markup]:
    return [prose(" ".join(part.split())) for part in words.split("\n\n")]


def _picture(run: StudyRun) -> str:
    """Return the figure as the address of an image that holds it."""
    return f"data:image/svg+xml;base64,{base64.b64encode(run.figure.encode()).decode()}"


def _describe_figure(run: StudyRun) -> str:
    figure = figure_of(run.suite.name)
    return f"Figure of {run.name}" + (f": {figure.y} over {figure.x}" if figure else "")
