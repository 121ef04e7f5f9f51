"""Metadata of measures from the command line and from a file."""

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import HarnessError
from harness.reports.given_metadata import parse_metadata, parse_signs, with_given

RUNNER = CliRunner()


def test_signs() -> None:
    """Written with or without a plus; a name may hold an equals sign."""
    assert parse_signs(["a=-1", "b = +1", "c=1", "d=e=-1"]) == {"a": -1, "b": 1, "c": 1, "d=e": -1}
    assert parse_signs([]) == {}


@pytest.mark.parametrize("text", ["a", "a=", "=1", "a=2", "a=0", "a=down"])
def test_other_signs_are_refused(text: str) -> None:
    """With the form."""
    with pytest.raises(HarnessError, match=r"NAME=\+1 or NAME=-1"):
        parse_signs([text])


def test_a_sign_overrides_the_file(tmp_path: Path) -> None:
    """TOML and JSON say the same."""
    toml, other = tmp_path / "about.toml", tmp_path / "about.json"
    toml.write_text('[a]\nexpected_sign = 1\nfamily = "norm"\n["b c"]\nneeds = ["twin"]\n')
    other.write_text(json.dumps({"a": {"expected_sign": 1, "family": "norm"}, "b c": {"needs": ["twin"]}}))

    for path in (toml, other):
        assert parse_metadata(path, ["a=-1", "d=1"]) == {
            "a": {"expected_sign": -1, "family": "norm"},
            "b c": {"needs": ["twin"]},
            "d": {"expected_sign": 1},
        }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "it cannot be read"),
        ("a = 1", "table for each measure"),
        ("[a]\nexpected_sing = 1", "Did you mean: expected_sign"),
    ],
)
def test_files_of_another_form_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """One sentence each."""
    path = tmp_path / "about.toml"
    path.write_text(text)
    with pytest.raises(HarnessError, match=message):
        parse_metadata(path, [])
    with pytest.raises(HarnessError, match="There is no file"):
        parse_metadata(tmp_path / "none.toml", [])


def test_what_is_given_overrides_what_is_known() -> None:
    """Field by field; unknown measures are refused with a suggestion."""
    assert with_given({"a": {"family": "norm", "version": 2}}, {"a": {"family": "margin"}}, ["a"]) == {
        "a": {"family": "margin", "version": 2}
    }
    with pytest.raises(HarnessError, match="Did you mean: margin"):
        with_given({}, {"margni": {}}, ["margin", "norm"])


def test_signs_of_a_foreign_ledger(tmp_path: Path) -> None:
    """Without one a measure is ordered by the size of its Psi; with the wrong one it comes last."""
    gaps = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    table = pd.DataFrame({"hp.a": [1, 2, 3, 4, 5, 6], "gap": gaps, "measure.x": [-g for g in gaps], "measure.y": 1.0})
    table.to_csv(path := tmp_path / "ledger.csv", index=False)
    about = tmp_path / "about.toml"
    about.write_text('[x]\nexpected_sign = -1\nfamily = "margin"\n')

    def ranked(*options: str) -> tuple[int | None, str | None]:
        answer = RUNNER.invoke(app, ["rank", str(path), "--json", "--bootstrap", "0", *options])
        assert answer.exit_code == 0, answer.output
        entry = json.loads(answer.stdout)["measures"]["x"]
        return entry["expected_sign"], entry["family"]

    assert ranked() == (None, None)
    assert ranked("--sign", "x=-1", "--sign", "y=1") == (-1, None)
    assert ranked("--metadata", str(about)) == (-1, "margin")
    refused = RUNNER.invoke(app, ["rank", str(path), "--sign", "z=1"])
    assert refused.exit_code == 2
    assert "No measure is called 'z'" in " ".join(refused.stderr.split())
