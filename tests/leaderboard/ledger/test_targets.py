"""Targets: names, what each follows from, sizes, words, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leaderboard.errors import LedgerError
from leaderboard.ledger.arrays import networks_of
from leaderboard.ledger.read import check_ledger, read_ledger
from leaderboard.ledger.targets import is_target, limits_of, target_of, targets_in, words_of


def ledger(**columns: object) -> pd.DataFrame:
    """Three networks with these further columns."""
    return pd.DataFrame({"hp.a": [1, 2, 3], "test_accuracy": [0.9, 0.8, 0.7], "measure.x": [1.0, 2.0, 3.0], **columns})


OBSERVED = {
    "observed.clean_error": [0.1, 0.2, 0.3],
    "observed.error_fog": [0.2, 0.4, 0.6],
    "observed.error_snow": [0.4, 0.6, None],
    "observed.held_out_error": [0.5, 0.5, 0.5],
}


def test_an_observation_is_a_target() -> None:
    """Under one shift, on the same images as they are, and their mean where all shifts were observed."""
    found = check_ledger(ledger(**OBSERVED))

    assert targets_in(found) == [
        "test_error",
        "error_under.fog.3",
        "error_under.snow.3",
        "error_under.clean",
        "error_under.mean",
    ]
    assert target_of(found, "error_under.fog.3").tolist() == [0.2, 0.4, 0.6]
    assert target_of(found, "error_under.clean").tolist() == [0.1, 0.2, 0.3]
    assert target_of(found, "error_under.mean").tolist()[:2] == pytest.approx([0.3, 0.5])
    assert target_of(found, "error_under.mean").isna().tolist() == [False, False, True]


def test_both_observations_fill_one_target() -> None:
    """Networks of an earlier part have the one, those of a later part the other; a column of the ledger's stands."""
    both = {"observed.error_fog": [0.2, None, None], "observed.error_under.fog.3": [None, 0.5, None]}
    found = check_ledger(ledger(**both))

    assert found["error_under.fog.3"].fillna(-1).tolist() == [0.2, 0.5, -1]
    own = check_ledger(ledger(**both, **{"error_under.fog.3": [0.9, 0.8, None]}))
    assert own["error_under.fog.3"].fillna(-1).tolist() == [0.9, 0.8, -1]


def test_a_target_has_its_own_test_examples() -> None:
    """2,000 of the test images at most by `error_under_shift`; as many as the ledger says otherwise."""
    found = check_ledger(ledger(**OBSERVED, test_size=[5000, 1000, None]))
    networks, _ = networks_of(found, "error_under.fog.3", None, None)
    clean, _ = networks_of(found, "test_error", None, None)
    said = check_ledger(ledger(**{"error_under.fog.1": [0.2, 0.4, 0.6], "size.error_under": [50, 60, 70]}))

    assert networks.test_size is not None
    assert networks.accuracy is not None
    assert networks.test_size.tolist() == [2000, 1000, 2000]
    assert networks.accuracy.tolist() == [0.8, 0.6, 0.4]
    assert clean.test_size is not None
    assert clean.accuracy is not None
    assert clean.test_size.tolist() == [5000, 1000, 10_000]
    assert clean.accuracy.tolist() == [0.9, 0.8, 0.7]
    assert networks_of(said, "error_under.fog.1", None, None)[0].test_size == pytest.approx([50, 60, 70])


def test_a_target_that_the_ledger_lacks_is_refused() -> None:
    """With those that it has."""
    found = check_ledger(ledger(**OBSERVED))
    with pytest.raises(LedgerError, match=r"no column error_under\.fog\.1\. Did you mean: error_under\.fog\.3"):
        target_of(found, "error_under.fog.1")
    with pytest.raises(LedgerError, match=r"No target is called 'errr_under\.fog\.3'\. Did you mean: error_under\.fog"):
        target_of(found, "errr_under.fog.3")
    with pytest.raises(LedgerError, match=r"No target is called 'zzz'\. Available: error_under\.clean, .*test_error\."):
        target_of(found, "zzz")
    with pytest.raises(LedgerError, match=r"no column error_under\.fog\.3\. It has test_error\. A suite records"):
        target_of(check_ledger(ledger()), "error_under.fog.3")
    assert not is_target("error_under.fog.6")


def test_errors_in_percent_and_words_are_refused() -> None:
    """As accuracies are; text is no number."""
    with pytest.raises(LedgerError, match=r"error_under\.fog\.3 must be a share between 0 and 1; got 40 for row_1"):
        check_ledger(ledger(**{"error_under.fog.3": [0.2, 40, 60]}))
    with pytest.raises(LedgerError, match=r"observed\.error_fog must contain numbers; got 'much' for row_0"):
        check_ledger(ledger(**{"observed.error_fog": ["much", "0.1", "0.2"]}))


def test_a_table_may_hold_nothing_but_errors_under_shift(tmp_path: Path) -> None:
    """They are targets enough, in percent too."""
    path = tmp_path / "ledger.csv"
    path.write_text("hp.a,measure.x,error_under.fog.3\n1,1,20\n2,2,\n")
    found = read_ledger(path, percent=True)

    assert targets_in(found) == ["error_under.fog.3", "error_under.mean"]
    assert found["error_under.fog.3"].fillna(-1).tolist() == [0.2, -1]


@pytest.mark.parametrize(
    ("target", "words", "limits"),
    [
        ("gap", "generalization gap", (-1, 1)),
        ("loss_gap", "loss gap", (-np.inf, np.inf)),
        ("error_under.fog.3", "test error under fog at severity 3", (0, 1)),
        ("error_under.jpeg_compression.1", "test error under jpeg compression at severity 1", (0, 1)),
        ("robust_error.8", "robust error within 8 grey levels", (0, 1)),
        ("error_under.mean", "mean test error under the shifts", (0, 1)),
    ],
)
def test_words_and_limits(target: str, words: str, limits: tuple[float, float]) -> None:
    """What a page calls a target, and between what it lies."""
    assert words_of(target) == words
    assert limits_of(target) == limits
