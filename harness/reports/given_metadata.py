"""Metadata of measures that a user gives with a ledger: --sign and --metadata of `gapbench rank`."""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from leaderboard.ledger.column_names import suggest
from leaderboard.ledger.metadata import Metadata

SIGNS: Final = {"+1": 1, "1": 1, "+": 1, "-1": -1, "-": -1}
FIELDS: Final = tuple(each.name for each in fields(Metadata) if each.name != "other")

Given = Mapping[str, Mapping[str, object]]


def parse_metadata(path: Path | None, signs: Sequence[str]) -> Given:
    """Read the values of --metadata and --sign; a sign overrides that of the file.

    Raises:
        HarnessError: a file or a sign of another form.
    """
    found = {} if path is None else {name: dict(about) for name, about in read_metadata(path).items()}
    for name, sign in parse_signs(signs).items():
        found[name] = {**found.get(name, {}), "expected_sign": sign}
    return found


def parse_signs(texts: Iterable[str]) -> dict[str, int]:
    """Read the values of --sign: NAME=-1 for scores that should fall as the gap grows, NAME=+1 for others.

    Raises:
        HarnessError: another form.
    """
    signs = {}
    for text in texts:
        name, _, sign = (part.strip() for part in text.rpartition("="))
        if not name or sign not in SIGNS:
            raise HarnessError(f"--sign must be written as NAME=+1 or NAME=-1; got {text!r}.")
        signs[name] = SIGNS[sign]
    return signs


def read_metadata(path: Path) -> Given:
    """Read a TOML or JSON file with a table of fields for each measure.

    Raises:
        HarnessError: there is no such file, it cannot be read, or it has an unknown field.
    """
    if not path.is_file():
        raise HarnessError(f"There is no file {path}. It should hold a table for each measure, as [NAME] in TOML.")
    try:
        text = path.read_text(encoding="utf-8")
        found: object = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:  # JSON's, TOML's and that of bytes that are no text
        raise HarnessError(
            f"{path} must be TOML, or JSON with the suffix .json; it cannot be read: {error}."
        ) from error
    if not isinstance(found, dict):
        raise HarnessError(f"{path} must hold a table for each measure; got {type(found).__name__}.")
    for name, about in found.items():
        if not isinstance(about, dict):
            raise HarnessError(f"{path} must hold a table for each measure; that of {name!r} is {about!r}.")
        for field in about:
            if field not in FIELDS:
                raise HarnessError(f"A measure has no field {field!r}, given for {name!r}. {suggest(field, FIELDS)}")
    return found


def with_given(known: Given, given: Given, measures: Sequence[str]) -> dict[str, Mapping[str, object]]:
    """Override known metadata by those that are given.

    Raises:
        HarnessError: a measure that the ledger does not have.
    """
    for name in given:
        if name not in measures:
            raise HarnessError(f"No measure is called {name!r}. {suggest(name, measures)}")
    return {name: {**known.get(name, {}), **given.get(name, {})} for name in {**known, **given}}
