"""Reports of stored ledgers: keys, their order and words as stored, numbers to rounding."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from leaderboard.ledger.read import read_ledger
from tests.leaderboard.reports import ranked

FOLDER: Final = Path(__file__).parents[2] / "golden" / "reports"
METADATA: Final = {
    "norm": {
        "family": "norm",
        "expected_sign": 1,
        "source": "a paper",
        "needs": ["init"],
        "version": 2,
        "track": "weights only",
    },
    "margin": {"family": "margin", "expected_sign": -1},
}
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "factorial": {"bootstrap": 40},
    "ragged": {
        "bootstrap": 0,
        "within": None,
        "target": "test_error",
        "seeds": "kept",
        "weights": "binomial",
        "bins": {"rate": 2},
    },
}
DOUBLE: Final = 1e-9
SINGLE: Final = 1e-6  # Psi of permuted scores is summed in single precision
TIED: Final = ("cmi_given", "pgdl_given")  # of sets that are equally informative, rounding decides which is least


def departures(stored: Any, found: Any, path: str = "$") -> list[str]:
    """Where two JSON values differ."""
    if path.endswith(TIED):
        return [] if type(stored) is type(found) else [path]
    if isinstance(stored, dict) and isinstance(found, dict):
        if list(stored) != list(found):
            return [f"{path}: keys {list(found)}"]
        return [line for key in stored for line in departures(stored[key], found[key], f"{path}.{key}")]
    if isinstance(stored, list) and isinstance(found, list) and len(stored) == len(found):
        pairs = enumerate(zip(stored, found, strict=True))
        return [line for place, pair in pairs for line in departures(*pair, f"{path}[{place}]")]
    if isinstance(stored, float) and isinstance(found, float | int):
        rounding = SINGLE if ".null." in path else DOUBLE
        return [] if found == pytest.approx(stored, rel=rounding, abs=rounding) else [f"{path}: {found}, not {stored}"]
    return [] if stored == found and type(stored) is type(found) else [f"{path}: {found!r}, not {stored!r}"]


@pytest.mark.parametrize("name", OPTIONS)
def test_a_stored_report_is_made_again(name: str) -> None:
    """A full factorial with resamples, and a ledger with holes, data sets and a binned hyperparameter."""
    stored = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    found = ranked(read_ledger(FOLDER / f"{name}.csv"), metadata=METADATA, **OPTIONS[name])

    assert departures(stored, dict(found)) == []


def test_a_departure_is_found() -> None:
    """In a key, its place, a word, a number, and the length of a list."""
    stored = {"a": [1.0, {"b": None}], "c": "word"}

    assert departures(stored, {"a": [1.0 + 1e-12, {"b": None}], "c": "word"}) == []
    for found in (
        {"a": [1.1, {"b": None}], "c": "word"},
        {"a": [1.0, {"b": 0}], "c": "word"},
        {"c": "word", "a": [1.0, {"b": None}]},
        {"a": [1.0], "c": "word"},
        {"a": [1.0, {"b": None}], "c": "other"},
    ):
        assert departures(stored, found)
