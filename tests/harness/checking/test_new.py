"""`gapbench new` writes what can be run, and overwrites nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.checking.new import write_measure
from harness.errors import HarnessError
from measures.registry import from_file
from tests.measures.networks import network


def test_what_it_writes_is_a_measure_with_a_test_that_passes(tmp_path: Path) -> None:
    """The number is that of its formula, and its own test runs in an empty folder."""
    measure, test = write_measure("fourth_powers", tmp_path)
    data = network("mlp")

    expected = sum(float(p.detach().pow(4).sum()) for p in data.model.parameters())
    assert from_file(measure)["fourth_powers"](data.subject()) == pytest.approx(expected, rel=1e-12)
    subprocess.run([sys.executable, "-m", "pytest", "-q", test.name], cwd=tmp_path, check=True)
    text = test.read_text()
    measure.write_text(measure.read_text().replace("pow(4)", "pow(2)"))
    assert subprocess.run([sys.executable, "-m", "pytest", "-q", test.name], cwd=tmp_path, check=False).returncode == 1
    with pytest.raises(HarnessError, match="exists already"):
        write_measure("fourth_powers", tmp_path)
    assert test.read_text() == text


@pytest.mark.parametrize("name", ["my-measure", "class", "2d", "MaxDist", "fro_dist"])
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written."""
    with pytest.raises(HarnessError, match=r"lower-case Python name|Choose another name"):
        write_measure(name, tmp_path)
    with pytest.raises(HarnessError, match="folder must exist"):
        write_measure("fine", tmp_path / "missing")
    assert not list(tmp_path.iterdir())
