"""Options of `gapbench rank`: other people's column names, bins, seeds and weights."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from harness.cli import app


def ranked(*arguments: object) -> Result:
    """What `gapbench rank` prints, with few resamples."""
    return CliRunner().invoke(app, ["rank", *map(str, arguments), "--bootstrap", "5"])


def report_of(*arguments: object) -> dict[str, Any]:
    """Its JSON."""
    result = ranked(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def test_official_scores_whatever_the_columns_are_called(data_dir: Path, tmp_path: Path) -> None:
    """The competition's table with plain names, mapped back: the scores to 1e-9."""
    frame = pd.read_csv(data_dir / "pgdl" / "task1.csv")
    plain = [str(name).removeprefix("hp.").removeprefix("measure.") for name in frame]
    frame.set_axis(["the_gap" if name == "gap" else name for name in plain], axis=1).to_csv(
        path := tmp_path / "plain.csv", index=False
    )
    report = report_of(
        path,
        *("--hp", "bs,convwidth,dense_width,dropout_p,num_*,weight_decay"),
        *("--measure", "VPM_*, VR,WCV", "--gap", "the_gap"),
    )

    assert {name: report["measures"][name]["pgdl"] for name in ("VPM_1", "VPM_80", "VR", "WCV")} == pytest.approx(
        {"VPM_1": 0.060700993773, "VPM_80": 0.056105256539, "VR": 0.093162888051, "WCV": 0.277451042877}, abs=1e-9
    )


def test_no_width_limits_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every column is there unless COLUMNS says how wide it is; then those that are hidden are named."""
    gaps = [0.1, 0.2, 0.4, 0.3, 0.5, 0.6, 0.7, 0.9]
    table = pd.DataFrame(
        {"hp.a": [1, 2, 3, 4] * 2, "hp.b": [1] * 4 + [2] * 4, "gap": gaps, f"measure.{'x' * 30}": gaps}
    )
    table.to_csv(path := tmp_path / "ledger.csv", index=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    whole = ranked(path).stdout
    narrow = CliRunner().invoke(app, ["rank", str(path), "--bootstrap", "0"], env={"COLUMNS": "80"}).stdout

    header = next(line.split() for line in whole.splitlines() if line.startswith("rank "))
    assert {"sign", "better", "within", "gate", "labels", "cost", "networks", "family"} <= set(header)
    assert "Hidden" not in whole
    assert "Hidden at this width: " in narrow
    assert max(map(len, narrow.splitlines())) <= 80


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Twelve networks."""
    frame = pd.DataFrame({"hp.a": [0, 1, 2] * 4, "hp.b": [0] * 6 + [1] * 6, "gap": [i / 20 for i in range(12)]})
    frame["measure.x"] = range(12)
    frame["test_accuracy"] = 1 - frame["gap"]
    frame.to_csv(path := tmp_path / "small.csv", index=False)
    return path


def test_options_reach_the_report(small: Path) -> None:
    """And stand in it."""
    report = report_of(small, "--seeds", "kept", "--weights", "binomial", "--bins", "a=2,b=0")

    assert (report["seeds"], report["weights"], report["bootstrap"]) == ("kept", "binomial", 5)
    assert report["binned"]["hp.a"]["bins"] == 2
    assert set(report["binned"]) == {"hp.a"}


def test_the_published_rule_of_the_sign_error(small: Path) -> None:
    """Two networks of each setting make four pairs, of which none has twelve; it stands in the report if asked for."""
    ours, published = report_of(small), report_of(small, "--enough", "published")

    assert ours["measures"]["x"]["sign_error"]["environments"] > 0
    assert "enough" not in ours
    assert published["enough"] == "published"
    assert published["measures"]["x"]["sign_error"] is None
    assert "effective number of 12 pairs" in published["measures"]["x"]["why"]["sign_error"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--hp", "widht"), "No column is called 'widht'"),
        (("--bins", "a:2"), "name=number"),
        (("--bins", "c=2"), "No hyperparameter is called 'c'"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(small: Path, arguments: tuple[str, ...], message: str) -> None:
    """With exit status 2."""
    result = ranked(small, *arguments)

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_zoo_s_columns_are_not_mapped(tmp_path: Path) -> None:
    """They have their names."""
    result = ranked(tmp_path, "--gap", "g")

    assert result.exit_code == 2
    assert "zoo's directory" in " ".join(result.stderr.split())


def test_percent(small: Path, tmp_path: Path) -> None:
    """Accuracies and gap in percent are refused, and with --percent ranked as the shares that they are."""
    frame = pd.read_csv(small)
    frame[["gap", "test_accuracy"]] *= 100
    frame.to_csv(path := tmp_path / "percent.csv", index=False)
    refused = ranked(path)

    assert refused.exit_code == 2
    assert "must be a share between" in refused.stderr
    assert "divide by 100 or pass --percent" in " ".join(refused.stderr.split())
    in_percent, in_shares = (report_of(*words)["measures"]["x"] for words in ((path, "--percent"), (small,)))
    assert in_percent["sign_error"]["effective"] == pytest.approx(in_shares["sign_error"]["effective"])
    assert in_percent["Psi"] == in_shares["Psi"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"converged": [False] * 12}, "None of 12 networks converged. Pass --all-runs"),
        ({"gap": [None] * 12, "test_accuracy": [None] * 12}, "No network has a gap."),
    ],
)
def test_a_ranking_of_no_network_is_no_success(small: Path, change: dict[str, Any], why: str) -> None:
    """Exit status 1 and a sentence; the report is printed all the same."""
    pd.read_csv(small).assign(**change).to_csv(small, index=False)
    result = ranked(small, "--json")

    assert result.exit_code == 1
    assert why in " ".join(result.stderr.split())
    assert json.loads(result.stdout)["models"] == 0
    if "converged" in change:
        assert report_of(small, "--all-runs")["models"] == 12
