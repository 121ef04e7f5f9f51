"""Test the figures in the panel of a measure."""

from dataclasses import replace

import pandas as pd

from leaderboard.ledger.metadata import metadata_of
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.views.page.facts import Facts, facts
from tests.leaderboard.conftest import HOSTILE
from tests.leaderboard.reports import Ranked


def facts_of(name: str, report: Report, ledger: pd.DataFrame) -> Facts:
    """The facts of one measure."""
    return next(each for each in facts(report, ledger) if each.standing.name == name)


def test_every_statistic_in_every_stratum(ridge_report: Report, ridge_json: Ranked, ridge_ledger: pd.DataFrame) -> None:
    """Columns are the whole and the strata; each row holds its own statistic of each."""
    found = facts_of("frobenius_norm", ridge_report, ridge_ledger)
    strata = ridge_json["within"]["strata"]
    entries = [
        ridge_json["measures"]["frobenius_norm"],
        *(strata[name]["measures"]["frobenius_norm"] for name in ("partial_labels", "true_labels")),
    ]
    rows = {label: [figure.value for figure in figures] for label, _, figures in found.statistics}

    assert found.columns == ["all networks", "partial_labels", "true_labels"]
    for label, statistic in {"Ψ": "Psi", "τ-b": "tau_b", "τ-a": "tau_a", "Spearman": "spearman", "CMI": "cmi"}.items():
        assert rows[label] == [entry[statistic] for entry in entries]


def test_psi_of_each_hyperparameter(ridge_report: Report, ridge_json: Ranked, ridge_ledger: pd.DataFrame) -> None:
    """Each hyperparameter has its psi in the whole and in every stratum, a reason where it has none."""
    found = facts_of("margin", ridge_report, ridge_ledger)
    strata = ridge_json["within"]["strata"]
    entries = [
        ridge_json["measures"]["margin"],
        *(strata[s]["measures"]["margin"] for s in ("partial_labels", "true_labels")),
    ]

    assert list(found.psi) == ["corruption", "train_size", "ridge"]
    for name, figures in found.psi.items():
        assert [figure.value for figure in figures] == [entry["psi"].get(f"hp.{name}") for entry in entries]
    assert found.psi["ridge"][1].value is not None
    assert found.psi["corruption"][1].value is None
    assert found.psi["corruption"][1].why
    assert found.turn == -1


def test_tracks(ridge_report: Report, ridge_ledger: pd.DataFrame) -> None:
    """The report's own word, else the most demanding need; controls made for the ranking have none."""
    measures = dict(ridge_report.measures)
    for name, change in (
        ("margin", {"track": "weights only"}),
        ("log_margin", {"needs": ["init", "trajectory", "twin"]}),
    ):
        about = metadata_of(name, measures[name].about.to_json() | change)
        measures[name] = replace(measures[name], about=about)
    report = replace(ridge_report, measures=measures)

    assert facts_of("margin", report, ridge_ledger).standing.track == "weights only"
    assert facts_of("log_margin", report, ridge_ledger).standing.track == "trajectory"
    assert facts_of("frobenius_norm", report, ridge_ledger).standing.track == "training data"
    assert facts_of(HOSTILE, report, ridge_ledger).standing.track == ""
    assert facts_of("constant", report, ridge_ledger).standing.track == ""


def test_sign_errors(ridge_ledger: pd.DataFrame) -> None:
    """Mean, 90th percentile and worst environment stand apart, in a ledger with enough seeds to have environments."""
    seeds = [
        ridge_ledger.assign(
            run_id=ridge_ledger["run_id"] + f"_{copy}",
            seed=copy,
            test_accuracy=(ridge_ledger["test_accuracy"] + 0.0001 * copy),
        )
        for copy in range(4)
    ]
    ledger = pd.concat(seeds, ignore_index=True)
    report = rank(ledger, bootstrap=0)
    expected = Ranked(report)["measures"]["frobenius_norm"]["sign_error"]
    rows = {label: figures[0].value for label, _, figures in facts_of("frobenius_norm", report, ledger).statistics}

    assert rows["sign error"] == expected["mean"]
    assert rows["sign error, 90 %"] == expected["p90"]
    assert rows["sign error, worst"] == expected["max"]
    assert expected["mean"] < expected["p90"] <= expected["max"]
    found = facts_of("frobenius_norm", report, ledger)
    assert found.sign_error.value == expected["mean"]
    assert sum(found.environments) * 2 == expected["environments"]  # each direction counted there
    lowest = sum((place / 10) * count for place, count in enumerate(found.environments)) / sum(found.environments)
    assert lowest <= expected["mean"] <= lowest + 0.1
    errors = {name: (each["mean"], each["p90"], each["max"]) for name, each in expected["along"].items()}
    assert {f"hp.{name}": along for name, along in found.along.items()} == errors


def test_the_most_frequent_reason(ridge_report: Report, ridge_ledger: pd.DataFrame) -> None:
    """Empty cells are no reasons, and a rare reason gives way to a frequent one."""
    reasons = ["", "rare", "common", "common", *[""] * 31, "\t"]
    ledger = ridge_ledger.assign(**{"why.margin": reasons})

    assert facts_of("margin", ridge_report, ledger).reason == "common"
    assert facts_of("frobenius_norm", ridge_report, ledger).reason == ""
