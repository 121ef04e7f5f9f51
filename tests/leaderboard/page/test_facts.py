"""What the panel of a measure tells, figure by figure."""

from typing import Any

import pandas as pd

from leaderboard.page.facts import Facts, facts
from leaderboard.ranking import rank


def facts_of(name: str, report: dict[str, Any], ledger: pd.DataFrame) -> Facts:
    """The facts of one measure."""
    return next(each for each in facts(report, ledger) if each.standing.name == name)


def test_every_statistic_in_every_stratum(ridge_report: dict[str, Any], ridge_ledger: pd.DataFrame) -> None:
    """Columns are the whole and the strata; each row holds its own statistic of each."""
    found = facts_of("frobenius_norm", ridge_report, ridge_ledger)
    strata = ridge_report["within"]["strata"]
    entries = [
        ridge_report["measures"]["frobenius_norm"],
        *(strata[name]["measures"]["frobenius_norm"] for name in ("random_labels", "true_labels")),
    ]
    rows = {label: [figure.value for figure in figures] for label, _, figures in found.statistics}

    assert found.columns == ["all networks", "random_labels", "true_labels"]
    for label, statistic in {"Ψ": "Psi", "τ-b": "tau_b", "τ-a": "tau_a", "Spearman": "spearman", "CMI": "cmi"}.items():
        assert rows[label] == [entry[statistic] for entry in entries]


def test_psi_of_each_hyperparameter(ridge_report: dict[str, Any], ridge_ledger: pd.DataFrame) -> None:
    """Each hyperparameter has its psi."""
    found = facts_of("margin", ridge_report, ridge_ledger)

    assert {name: figure.value for name, figure in found.psi.items()} == ridge_report["measures"]["margin"]["psi"]
    assert set(found.psi) == {"hp.corruption", "hp.train_size", "hp.ridge"}


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
    expected = report["measures"]["frobenius_norm"]["sign_error"]
    rows = {label: figures[0].value for label, _, figures in facts_of("frobenius_norm", report, ledger).statistics}

    assert rows["sign error"] == expected["mean"]
    assert rows["sign error, 90 %"] == expected["p90"]
    assert rows["sign error, worst"] == expected["max"]
    assert expected["mean"] < expected["p90"] <= expected["max"]


def test_the_most_frequent_reason(ridge_report: dict[str, Any], ridge_ledger: pd.DataFrame) -> None:
    """Empty cells are no reasons, and a rare reason gives way to a frequent one."""
    reasons = ["", "rare", "common", "common", *[""] * 19, "\t"]
    ledger = ridge_ledger.assign(**{"why.margin": reasons})

    assert facts_of("margin", ridge_report, ledger).reason == "common"
    assert facts_of("frobenius_norm", ridge_report, ledger).reason == ""
