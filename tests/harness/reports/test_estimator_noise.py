"""The table of estimator noise, from scores by hand and from a zoo."""

import csv
from pathlib import Path

import pytest

from harness.reports.estimator_noise import SeedScore, evenly, main, noise_of
from harness.store.estimator_noise import Noise
from harness.store.store import Store
from measures.registry import catalog

DRAWN = catalog()["avg_sharpness"]


def scores(values: dict[str, list[float | None]], *, is_drawn: bool = True) -> list[SeedScore]:
    """One score for each network and seed."""
    return [
        SeedScore(run_id, seed, DRAWN.name, DRAWN.version, value, is_drawn)
        for run_id, row in values.items()
        for seed, value in enumerate(row)
    ]


def test_the_median_over_corruptions() -> None:
    """Standard deviations over seeds of 1, 2 and 4, over networks of the root of 8."""
    table: dict[str, list[float | None]] = {
        f"{name}{i}": [4.0 * i - scatter, 4.0 * i + scatter]
        for name, scatter in (("a", 1 / 2**0.5), ("b", 2**0.5), ("c", 8**0.5))
        for i in range(2)
    }
    found = noise_of(DRAWN, scores({**table, "a9": [1.0, None]}), {run_id: run_id[0] for run_id in table}, 2)

    assert found.networks == 6
    assert found.noise == pytest.approx(2 / 8**0.5)


def test_a_measure_that_draws_nothing_has_no_noise() -> None:
    """One seed is enough to know."""
    found = noise_of(DRAWN, scores({"a": [1.0], "b": [2.0]}, is_drawn=False), {"a": "x", "b": "x"}, 4)

    assert found == Noise(DRAWN.name, DRAWN.version, 2, 0.0, 0.0)


def test_a_constant_column_has_no_ratio() -> None:
    """It cannot rank, which is another thing than noise."""
    found = noise_of(DRAWN, scores({"a": [0.0, 0.0], "b": [0.0, 0.0]}), {"a": "x", "b": "x"}, 2)

    assert found.noise is None
    assert found.rank_noise is None


def test_the_table_of_a_zoo_resumes(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measure that draws has noise, one that does not has none; a second run scores nothing."""
    command = [
        str(finished), "-o", str(tmp_path / "noise.csv"), "--scores", str(tmp_path / "kept" / "scores.csv"),
        "--seeds", "2", "--measures", "param_norm,avg_sharpness",
    ]  # fmt: skip
    main(command)
    rows = {row["measure"]: row for row in csv.DictReader((tmp_path / "noise.csv").read_text().splitlines())}
    kept = (tmp_path / "kept" / "scores.csv").read_text().splitlines()

    assert float(rows["param_norm"]["noise"]) == 0
    assert float(rows["avg_sharpness"]["noise"]) > 0
    assert len(kept) == 4 * 3  # one seed of the one, two of the other

    monkeypatch.setattr("harness.reports.estimator_noise.score_with_seed", None)
    main(command)
    assert (tmp_path / "kept" / "scores.csv").read_text().splitlines() == kept


def test_networks_are_taken_evenly(finished: Path) -> None:
    """As many of each corruption, no network twice."""
    with Store(finished) as store:
        runs = store.runs()
    chosen = [run.run_id for run in evenly(runs, 2)]

    assert len(chosen) == len(set(chosen)) == 2
