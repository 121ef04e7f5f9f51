"""docs/studies.md: every study with what was trained, the published and the measured figures, and a picture.

python -m harness.reports.studies_page runs -o docs/studies.md
"""

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.reports.rank_and_write import CLAIMS, opened
from harness.store.atomic_write import write_text
from harness.store.to_ledger import evidence_of
from leaderboard.claims.figure import draw_svg
from leaderboard.claims.registry import claims_of, figure_of
from leaderboard.errors import LedgerError
from zoo.suites.registry import Suite, suites

HEAD: Final = """# Studies

Each study is a suite of networks and the published findings that it should show. A finding is a test: an effect on the
ledger with a 95 % interval, from a bootstrap over seeds, settings or images, and the range in which the finding holds,
set from the paper's words before any result was seen. It is *reproduced* where the whole interval lies in the range,
*not reproduced* where none of it does, and *undecided* otherwise. A bootstrap over few seeds gives intervals that are
too narrow. What is below is of the small size of each study, on two cores and mostly on 8 x 8 digits, where the
papers have larger images and networks: that a finding is not reproduced here does not say that it is wrong there.

This page is made by `make studies`, which trains what is missing, and `python -m harness.reports.studies_page`.

| study | networks | reproduced | not reproduced | undecided |
|---|---|---|---|---|
"""
TABLE: Final = "| finding | published | here | holds at | verdict |\n|---|---|---|---|---|\n"


@dataclass(frozen=True, slots=True)
class Told:
    """A study that was run.

    Attributes:
        suite: its name and words.
        networks: how many were trained.
        seconds: of training and scoring, by what each network's own share of a core's time was.
        versions: what they were trained with.
        claims: as `claims.json` holds them.
        picture: SVG, empty where there is none.
    """

    suite: Suite
    networks: int
    seconds: float
    versions: Mapping[str, str]
    claims: Sequence[Mapping[str, Any]]
    picture: str


def told(suite: Suite, folder: Path) -> Told | None:
    """What a study's directory says; None where it was not run."""
    try:
        store = opened(folder)
    except LedgerError:
        return None
    with store:
        evidence, runs = evidence_of(store), store.runs()
        seconds = sum(run.record.seconds for run in runs.values())
        seconds += sum(score.seconds for _, _, score in store.scores())
        versions: Mapping[str, str] = next((run.provenance["versions"] for run in runs.values()), {})
    claims = folder / CLAIMS
    if not claims.is_file():
        return None
    figure = figure_of(suite.name)
    picture = "" if figure is None else draw_svg(figure, evidence)
    return Told(suite, len(runs), seconds, versions, json.loads(claims.read_text()), picture)


def markdown(studies: Sequence[Told], missing: Sequence[str], pictures: str) -> str:
    """The page.

    Args:
        studies: those that were run.
        missing: names of those that were not.
        pictures: where their pictures lie, seen from the page.
    """
    parts = [HEAD]
    for one in studies:
        counts = Counter(claim["verdict"] for claim in one.claims)
        verdicts = " | ".join(str(counts[v]) for v in ("reproduced", "not reproduced", "undecided"))
        parts.append(f"| [{one.suite.name}](#{one.suite.name}) | {one.networks} | {verdicts} |\n")
    if missing:
        parts.append(f"\nNot run: {', '.join(missing)}.\n")
    for one in studies:
        parts += _section(one, pictures)
    return "".join(parts)


def _section(one: Told, pictures: str) -> list[str]:
    size = one.suite.sizes["small"]
    versions = ", ".join(f"{name} {one.versions[name]}" for name in ("torch", "timm") if name in one.versions)
    return [
        f"\n## {one.suite.name}\n\n{one.suite.words}\n\n",
        f"Small size: {one.networks} networks; {size.data}; two cores: {size.cores}. {versions}.\n\n",
        *([f"![{one.suite.name}]({pictures}/{one.suite.name}.svg)\n\n"] if one.picture else []),
        TABLE,
        *(_row(claim) for claim in one.claims),
    ]


def _row(claim: Mapping[str, Any]) -> str:
    if claim["effect"] is None:
        here = claim["why"]
    else:
        interval = "" if claim["low"] is None else f" [{claim['low']:.3g}, {claim['high']:.3g}]"
        here = f"{claim['effect']:.3g}{interval} {claim['unit']}; {claim['networks']} networks"
    cells = (
        claim["statement"],
        f"{claim['published']} ({claim['source']})",
        here,
        claim["holds"],
        f"**{claim['verdict']}**",
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", type=Path, help="the folder that holds a directory for each study")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/studies.md"))
    parser.add_argument("--names", action="store_true", help="only print the names of the studies")
    chosen = parser.parse_args(arguments)
    staged = [suite for suite in suites().values() if claims_of(suite.name)]
    if chosen.names:
        print(" ".join(suite.name for suite in staged))  # noqa: T201  for the Makefile
        return
    found = [one for suite in staged if (one := told(suite, chosen.runs / suite.name)) is not None]
    missing = [suite.name for suite in staged if suite.name not in {one.suite.name for one in found}]
    pictures = chosen.output.with_suffix("")
    pictures.mkdir(parents=True, exist_ok=True)
    for one in found:
        if one.picture:
            write_text(pictures / f"{one.suite.name}.svg", one.picture)
    write_text(chosen.output, markdown(found, missing, pictures.name))


if __name__ == "__main__":
    main()
