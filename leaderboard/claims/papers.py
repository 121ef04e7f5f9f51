"""Table of source papers: what each found, which studies, measures and recipe fields stage it, and what is missing."""

from functools import cache
from importlib import resources
from typing import Final, Literal, get_args

import msgspec

Status = Literal["works", "partly", "not staged"]
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
TABLE: Final = "papers.toml"


class Paper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A source paper, or a part of one.

    Attributes:
        authors, year: as it is cited; a word in brackets tells papers of the same authors apart.
        arxiv: identifier; empty if it has none.
        part: the section or theorem, if the paper has several rows.
        finding: what the paper found, in one sentence.
        status: "works" if claims of a study test the finding, "partly" if only a part of what that takes is there.
        studies: suites that stage it.
        claims: names of the claims that are this paper's, if it shares a study with another; all of them if empty.
        measures: measures of the catalogue that belong to it.
        fields: recipe fields that belong to it.
        missing: what is not there, in a phrase.
    """

    authors: str
    year: int
    finding: str
    status: Status
    arxiv: str = ""
    part: str = ""
    studies: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    missing: str = ""

    @property
    def citation(self) -> str:
        """Authors, year, part and identifier."""
        part = f", {self.part}" if self.part else ""
        return f"{self.authors} {self.year}{part}" + (f", arXiv:{self.arxiv}" if self.arxiv else "")


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    papers: tuple[Paper, ...]


@cache
def source_papers() -> tuple[Paper, ...]:
    """Return the papers in the order of the table."""
    text = resources.files("leaderboard.claims").joinpath(TABLE).read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=_Table).papers
