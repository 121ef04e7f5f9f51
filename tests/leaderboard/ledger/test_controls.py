"""Controls: what they hold, that they repeat, and that a category's code leaks no target."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from leaderboard.ledger.controls import category_code, with_controls
from leaderboard.ledger.read import check_ledger
from leaderboard.statistics.kendall import tau_b


def ledger_of(n: int = 400) -> pd.DataFrame:
    """Random networks."""
    rng = np.random.default_rng(0)
    return check_ledger(
        pd.DataFrame(
            {
                "hp.width": rng.choice([8.0, 16.0, np.nan], n),
                "hp.opt": rng.choice(["sgd", "adam", "rms"], n),
                "hp.data": [f"set_{i}" for i in range(n)],
                "gap": rng.random(n),
                "measure.x": rng.random(n),
            }
        )
    )


def test_every_control_is_there_and_marked() -> None:
    """Each hyperparameter, three noisy oracles, a random number and a constant, each with its source."""
    ledger, metadata = with_controls(ledger_of(), "gap", seed=0)
    names = {"hp.width", "hp.opt", "hp.data", "random_number", "constant"} | {
        f"noisy_oracle_{s}" for s in (0.01, 0.02, 0.05)
    }

    assert set(metadata) == names
    assert {f"measure.{name}" for name in names} < set(ledger)
    assert all(one.control and one.family == "control" and one.source for one in metadata.values())


def test_a_number_stands_for_itself() -> None:
    """A missing one is a missing score."""
    ledger, _ = with_controls(ledger_of(), "gap", seed=0)

    np.testing.assert_array_equal(ledger["measure.hp.width"], ledger["hp.width"])
    assert (ledger["measure.constant"] == 1).all()


@pytest.mark.parametrize("scale", [0.01, 0.02, 0.05])
def test_the_noisy_oracle_adds_noise_of_its_standard_deviation(scale: float) -> None:
    """Standard deviation, not variance; 400 draws know it to 3.5 %."""
    ledger, _ = with_controls(ledger_of(), "gap", seed=0)
    noise = ledger[f"measure.noisy_oracle_{scale}"] - ledger["gap"]

    assert noise.std() == pytest.approx(scale, rel=0.12)
    assert abs(noise.mean()) < 3 * scale / 20


def test_the_seed_decides_the_draws() -> None:
    """The same seed repeats every column; another changes the noise. No control equals another."""
    first, again, other = (with_controls(ledger_of(), "gap", seed)[0] for seed in (0, 0, 1))

    pd.testing.assert_frame_equal(first, again)
    assert (first["measure.random_number"] != other["measure.random_number"]).all()
    assert (
        abs(np.corrcoef(first["measure.random_number"], first["measure.noisy_oracle_0.05"] - first["gap"])[0, 1]) < 0.2
    )


def test_the_ledgers_own_controls_stand() -> None:
    """A measure called `random_number` is not replaced, and its metadata is not claimed."""
    frame = ledger_of().assign(**{"measure.random_number": 7.0})
    ledger, metadata = with_controls(frame, "gap", seed=0)

    assert (ledger["measure.random_number"] == 7).all()
    assert "random_number" not in metadata


def test_a_category_that_matters_is_put_in_order() -> None:
    """Both halves agree on the order by mean target, against the alphabet."""
    frame = ledger_of()
    frame["gap"] = frame["hp.opt"].map({"sgd": 0.1, "rms": 0.2, "adam": 0.3}).astype(np.float64)
    code = category_code(frame, "hp.opt", frame["gap"], np.random.default_rng(0))

    assert {name: set(code[frame["hp.opt"] == name]) for name in ("sgd", "rms", "adam")} == {
        "sgd": {0.5 / 3},
        "rms": {1.5 / 3},
        "adam": {2.5 / 3},
    }


def test_a_category_with_one_network_a_value_knows_nothing() -> None:
    """Ordered by its own target it would be the oracle."""
    frame = ledger_of()

    assert set(category_code(frame, "hp.data", frame["gap"], np.random.default_rng(0))) == {0.5}


def test_a_category_that_does_not_matter_does_not_correlate() -> None:
    """Over many random ledgers the mean tau-b is 0 to within its error: no leak of either sign."""
    taus = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        text = rng.choice(["sgd", "adam", "rms"], 30)
        frame = pd.DataFrame({"hp.opt": text, "hp.run": np.arange(30), "gap": rng.random(30)})
        code = category_code(frame, "hp.opt", frame["gap"], rng)
        if np.ptp(code) > 0:
            taus.append(tau_b(code, frame["gap"].to_numpy()))

    assert abs(np.mean(taus)) < 4 * np.std(taus) / np.sqrt(len(taus))


def test_the_joint_prediction_knows_all_hp_and_no_gap_of_its_network() -> None:
    """It orders networks whose gap is a sum of effects, and networks without effects no better than chance."""
    rng = np.random.default_rng(0)
    rows = [dict(zip(("hp.a", "hp.b", "hp.c", "hp.d"), levels, strict=True)) for levels in product((0, 1, 2), repeat=4)]
    table = check_ledger(pd.DataFrame(rows).assign(**{"gap": 0.0, "measure.x": 1.0}))
    effects = table["hp.a"] * 0.1 + table["hp.b"] * 0.05 + table["hp.c"] * 0.02
    for gap, least, most in ((effects + 0.01 * rng.standard_normal(81), 0.9, 1.0), (rng.random(81), -0.5, 0.3)):
        ledger, metadata = with_controls(table.assign(gap=gap), "gap", seed=0)
        rho = ledger["measure.all_hp"].corr(ledger["gap"], method="spearman")
        assert least < rho < most
        assert metadata["all_hp"].control
    few, _ = with_controls(table.head(6), "gap", seed=0)
    assert "measure.all_hp" not in few
