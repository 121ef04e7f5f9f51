"""Rankings by every target: Psi of the ranking itself, planted agreement, missing errors, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from leaderboard.errors import LedgerError
from leaderboard.ranking.rank import order, rank
from leaderboard.shifts.compare import compare_shifts
from leaderboard.statistics.spearman import spearman
from tests.leaderboard.reports import zoo


@pytest.fixture
def ledger() -> pd.DataFrame:
    """Planted measures with errors under fog, which follow the gap, and under snow, which fall with it."""
    frame = zoo()
    rng = np.random.default_rng(1)
    for place in range(6):
        frame[f"measure.m{place}"] = frame["gap"] * (place - 2) + 0.05 * rng.normal(size=len(frame))
    clean = frame["gap"] / 2 + 0.1
    return frame.assign(
        **{"error_under.clean": clean, "error_under.fog.1": clean + 0.1, "error_under.snow.5": 1 - clean}
    )


def test_psi_is_that_of_the_ranking(ledger: pd.DataFrame) -> None:
    """By each target, in its order; controls have no part."""
    ledger.loc[3, "measure.m1"] = np.nan
    found = compare_shifts(ledger)

    assert list(found.targets) == [
        "error_under.clean",
        "gap",
        *(f"error_under.{n}" for n in ("fog.1", "snow.5", "mean")),
    ]
    for target in ("gap", "error_under.snow.5"):
        report = rank(ledger, target=target, bootstrap=0)
        names = [name for name in order(report) if not report.measures[name].control]
        assert found.targets[target].Psi == pytest.approx({name: report.measures[name].Psi for name in names})
        assert list(found.targets[target].Psi) == names
        assert found.targets[target].networks == report.models


def test_agreement_is_planted(ledger: pd.DataFrame) -> None:
    """A shift that adds a constant has the clean ranking, one that turns the errors round has it reversed."""
    found = compare_shifts(ledger, metadata={f"m{place}": {"expected_sign": 1} for place in range(6)})
    fog, snow = found.targets["error_under.fog.1"], found.targets["error_under.snow.5"]
    psi = found.targets["error_under.clean"].Psi

    assert fog.rho == pytest.approx(1)
    assert snow.rho == pytest.approx(-1)
    assert fog.Psi == pytest.approx(psi)
    assert fog.top is not None
    assert snow.top is not None
    assert (fog.top.name, fog.top.clean_rank) == (next(iter(psi)), 1)
    assert snow.top.clean_rank == list(psi).index(snow.top.name) + 1
    assert (fog.measures, found.clean, found.within) == (10, "error_under.clean", "corruption")


def test_rho_is_spearman_of_directed_psi(ledger: pd.DataFrame) -> None:
    """Over the measures; an unknown sign is that by the clean target."""
    rng = np.random.default_rng(0)
    ledger["error_under.fog.1"] = rng.random(len(ledger))
    found = compare_shifts(ledger, clean="gap", metadata={"m0": {"expected_sign": 1}})
    one, two = found.targets["error_under.fog.1"].Psi, found.targets["gap"].Psi
    sign = {name: 1 if name == "m0" or psi >= 0 else -1 for name, psi in two.items()}
    psi = np.array([[one[name] * sign[name], two[name] * sign[name]] for name in two])

    assert found.targets["error_under.fog.1"].rho == pytest.approx(spearman(psi[:, 0], psi[:, 1]))


def test_networks_have_both_targets(ledger: pd.DataFrame) -> None:
    """Each ranking is compared on the same networks; a target of one value, or of none, has a reason."""
    ledger.loc[:5, "error_under.fog.1"] = np.nan
    ledger["error_under.snow.5"] = 0.5
    ledger["error_under.frost.5"] = np.nan
    found = compare_shifts(ledger)
    ranked = int((ledger["hp.corruption"] != "random_labels").sum())

    assert found.models == ranked
    assert found.targets["error_under.fog.1"].networks == ranked - 6
    assert found.targets["error_under.fog.1"].rho == pytest.approx(1)
    for target in ("error_under.snow.5", "error_under.frost.5"):
        assert found.targets[target].rho is None
        assert found.targets[target].top is None
        assert "there are 0" in found.targets[target].why


def test_what_cannot_be_compared_is_refused(ledger: pd.DataFrame) -> None:
    """Without a clean target, without another one, or by a hyperparameter that is not there."""
    alone = ledger.drop(columns=[name for name in ledger if str(name).startswith("error_under")])
    with pytest.raises(LedgerError, match="needs a column test_error, or test_accuracy"):
        compare_shifts(alone)
    with pytest.raises(LedgerError, match="must have another target beside gap; it has none"):
        compare_shifts(alone, clean="gap")
    with pytest.raises(LedgerError, match=r"No target is called 'fog'\. Available: error_under"):
        compare_shifts(ledger, clean="fog")
    with pytest.raises(LedgerError, match=r"No hyperparameter is called 'widht'\. Did you mean: width"):
        compare_shifts(ledger, within="widht")
    with pytest.raises(LedgerError, match="No network that converged has a gap"):
        compare_shifts(ledger.assign(converged=False), clean="gap")
