"""`gapbench table`: read a stored ranking, and keep a Markdown table in a text file up to date."""

import json
from pathlib import Path

import msgspec
from rich.console import Console

from harness.reports.ranking import RankOptions, rank_source
from harness.reports.reference import reference_name
from harness.store.atomic_write import write_text
from leaderboard.errors import RankingError
from leaderboard.ranking.excerpt import Excerpt, Ranking, excerpt_of, read_excerpt
from leaderboard.views.markdown import insert_table


def ranking_in(source: Path) -> Excerpt:
    """Read what a table shows of a ranking: that of a zoo's directory, or a file; a reference ledger is ranked.

    Raises:
        RankingError: there is none, or the file holds something else.
        ReferenceLedgerError: no such reference ledger, or it holds no scores.
    """
    if reference_name(source) is not None:
        return excerpt_of(rank_source(source, RankOptions(), Console(stderr=True)).report)
    path = source / "leaderboard.json" if source.is_dir() else source
    if not path.is_file():
        raise RankingError(f"{path} must be a ranking; there is no such file. Make one: gapbench run digits --out zoo.")
    try:
        return read_excerpt(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise RankingError(f"{path} must be a ranking; it cannot be read: {error}") from error


def put(table: str, destination: Path, *, check: bool) -> bool:
    """Write a table between the marks of a file, or to a new file; returns whether the file held it already.

    Args:
        table: in Markdown.
        destination: the file.
        check: write nothing.

    Raises:
        RankingError: the file has no marks.
    """
    there = destination.read_text(encoding="utf-8") if destination.is_file() else None
    text = table if there is None else insert_table(there, table)
    if text != there and not check:
        write_text(destination, text)
    return text == there


def keep(ranking: Ranking, destination: Path) -> None:
    """Write what a table shows as JSON, one line per measure."""
    kept = excerpt_of(ranking)
    measures = {name: msgspec.to_builtins(entry) for name, entry in kept.measures.items()}
    head = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in kept.to_json().items() if key != "measures"]
    rows = [f" {json.dumps(name)}: {json.dumps(entry, allow_nan=False)}" for name, entry in measures.items()]
    text = "{\n" + ",\n".join([*head, '"measures": {\n' + ",\n".join(rows) + "\n}"]) + "\n}\n"
    write_text(destination, text)
