"""Files damaged at random are read, or refused in a sentence: never a traceback, and never changed.

`pytest tests/harness/test_damaged_files.py --hypothesis-profile thorough` tries twenty times as many.
"""

import shutil
from pathlib import Path
from typing import Final

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import Result

from tests.harness.conftest import Gapbench

SHARE: Final = 5  # of the examples of the profile: each is a whole command
COMMANDS: Final = settings(
    max_examples=max(1, settings().max_examples // SHARE),
    derandomize=settings.get_current_profile_name() != "thorough",  # a merge is not the time to find new ones
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
CELLS: Final = st.one_of(
    st.sampled_from(
        ["", "NaN", "inf", "-1e400", "1,5", "50%", "true", "None", "scored", "0x10", "1e309", "\x00", '"', "é"]
    ),
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=8),
)


@st.composite
def damage(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes with up to four changes: some overwritten, removed, doubled or put in, or the end cut off."""
    found = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(found)))
        stop = min(len(found), start + draw(st.sampled_from([0, 1, 8, 64, 4096])))
        match draw(st.sampled_from(["overwrite", "remove", "double", "insert", "cut", "zero"])):
            case "overwrite":
                found[start:stop] = draw(st.binary(min_size=stop - start, max_size=stop - start))
            case "remove":
                del found[start:stop]
            case "double":
                found[start:start] = found[start:stop]
            case "insert":
                found[start:start] = draw(st.binary(max_size=16))
            case "cut":
                del found[start:]
            case "zero":
                found[start:stop] = bytes(stop - start)
    return bytes(found)


def assert_answered(result: Result, what: str) -> None:
    """It ended by itself, or with a sentence and the status of a user's mistake."""
    assert result.exception is None or isinstance(result.exception, SystemExit), (what, result.exc_info)
    assert result.exit_code in {0, 1, 2}, (what, result.output)
    if result.exit_code == 2:
        assert "error: " in result.output, (what, result.output)


@pytest.fixture(scope="session")
def ledger(finished: Path) -> pd.DataFrame:
    """The ledger of a finished zoo."""
    return pd.read_parquet(finished / "ledger.parquet")


@COMMANDS
@given(data=st.data())
def test_tables_with_damaged_cells(
    data: st.DataObject, gapbench: Gapbench, ledger: pd.DataFrame, tmp_path: Path
) -> None:
    """Any text in any cell or heading."""
    frame = ledger.astype(object).where(ledger.notna(), "")
    for _ in range(data.draw(st.integers(1, 6))):
        row, column = data.draw(st.integers(0, len(frame) - 1)), data.draw(st.integers(0, frame.shape[1] - 1))
        frame.iloc[row, column] = data.draw(CELLS)
    headings = list(map(str, frame.columns))
    if data.draw(st.booleans()):
        headings[data.draw(st.integers(0, len(headings) - 1))] = data.draw(CELLS)
    path = tmp_path / "ledger.csv"
    path.write_text(frame.set_axis(headings, axis=1).to_csv(index=False), encoding="utf-8", errors="surrogatepass")
    assert_left_alone(gapbench, path)


@COMMANDS
@given(data=st.data())
def test_tables_with_damaged_bytes(
    data: st.DataObject, gapbench: Gapbench, ledger: pd.DataFrame, tmp_path: Path
) -> None:
    """Of text and of Parquet."""
    suffix = data.draw(st.sampled_from([".csv", ".tsv", ".parquet", ".csv.gz"]))
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"ledger{suffix}"
    if suffix == ".parquet":
        ledger.to_parquet(whole)
    else:
        ledger.to_csv(whole, index=False, sep="\t" if suffix == ".tsv" else ",")
    path.write_bytes(data.draw(damage(whole.read_bytes())))
    assert_left_alone(gapbench, path)


def assert_left_alone(gapbench: Gapbench, path: Path) -> None:
    """Ranking a file answers, and leaves it as it was."""
    before = path.read_bytes()
    assert_answered(gapbench("rank", path, "--bootstrap", "0"), path.name)
    assert path.read_bytes() == before


@COMMANDS
@given(data=st.data())
def test_damaged_files_of_a_zoo(data: st.DataObject, gapbench: Gapbench, finished: Path, tmp_path: Path) -> None:
    """Its database, its weights, whatever lies in its directory; commands that read leave all of it as it is."""
    zoo = tmp_path / "zoo"
    shutil.rmtree(zoo, ignore_errors=True)
    shutil.copytree(finished, zoo)
    files = sorted(path for path in zoo.rglob("*") if path.is_file() and path.stat().st_size)
    chosen = data.draw(st.sampled_from(files))
    chosen.write_bytes(data.draw(damage(chosen.read_bytes())))
    weights = {path: path.read_bytes() for path in zoo.rglob("*.safetensors")}
    for command in (("status", zoo), ("doctor", zoo), ("rank", zoo, "--bootstrap", "0")):
        assert_answered(gapbench(*command), f"{command[0]} with a damaged {chosen.relative_to(zoo)}")
    assert weights == {path: path.read_bytes() for path in zoo.rglob("*.safetensors")}
