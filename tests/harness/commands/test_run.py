"""The command that makes a zoo, where its study trains for a number of epochs and not to a loss."""

from pathlib import Path

from tests.harness.conftest import Gapbench


def test_a_study_is_judged_where_no_network_has_to_converge(gapbench: Gapbench, tmp_path: Path) -> None:
    """Nothing is ranked, which is said; the claims are there, and the status is good, since nothing failed."""
    options = ("--limit", 2, "--fleet", 1, "--measures", "param_norm", "--out", tmp_path / "zoo")
    result = gapbench("run", "siblings", *options)

    assert result.exit_code == 0, result.output
    assert "Nothing was ranked" in result.stderr
    assert "undecided" in result.stdout
    assert gapbench("rank", tmp_path / "zoo").exit_code == 1
