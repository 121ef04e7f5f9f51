"""Metadata of measures: tracks, and the catalogue read from its source."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.store import catalogue_source
from harness.store.catalogue_source import read_catalogue
from harness.store.measure_metadata import TRACKS, Track, track_of
from harness.store.to_ledger import metadata_of
from measures.registry import catalog


def test_tracks_follow_from_needs() -> None:
    """The most that a measure asks for decides; every track has a measure in the catalogue."""
    cases: dict[str, Track] = {
        "param_norm": "weights only",
        "fro_dist": "weights only",
        "cross_entropy": "training data",
        "gde_disagreement": "unlabeled inputs",
    }
    tracks = {name: metadata["track"] for name, metadata in metadata_of(catalog()).items()}

    assert {name: tracks[name] for name in cases} == cases
    assert set(tracks.values()) == set(TRACKS)
    assert track_of({"twin", "refit", "trajectory"}, weights_only=False) == "retraining"


def test_the_source_says_what_the_imported_catalogue_says() -> None:
    """Every measure, every field, in the same order."""
    assert list(read_catalogue().items()) == list(metadata_of(catalog()).items())


def test_reading_the_source_imports_no_measure() -> None:
    """In a fresh interpreter."""
    code = (
        "import sys; from harness.store.catalogue_source import read_catalogue\n"
        "assert len(read_catalogue()) > 100\n"
        "assert not {'torch', 'measures', 'pandas'} & set(sys.modules), sorted(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("f'{COST} twice'", "1 pass twice"), ("COST", "1 pass"), ("'three'", "three")],
)
def test_arguments_are_literals_and_constants(argument: str, expected: str, tmp_path: Path) -> None:
    """A name stands for its constant, also inside an f-string."""
    assert dict(catalogue_source._measures_in(written(tmp_path, argument)))["mine"]["price"] == expected


@pytest.mark.parametrize(("argument", "words"), [("str(1)", "literals and constants"), ("NONE", "the constant NONE")])
def test_other_arguments_are_refused(argument: str, words: str, tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(ValueError, match=rf"mine\.py.*{words}"):
        dict(catalogue_source._measures_in(written(tmp_path, argument)))


def written(folder: Path, argument: str) -> Path:
    """A module with one measure that has this cost."""
    file = folder / "mine.py"
    file.write_text(
        "from measures import measure\nCOST = '1 pass'\n\n"
        f"@measure(source='this test', family='norm', cost={argument}, expected_sign=-1)\n"
        "def mine(subject):\n    'Nothing.'\n"
    )
    return file
