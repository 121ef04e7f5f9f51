"""Every claim of every study on ledgers in which the finding holds, does not hold, or in which there is too little."""

import pkgutil
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

import leaderboard.claims.studies
from leaderboard.claims import Evidence, claims_of, judge
from leaderboard.claims.figure import draw_svg
from leaderboard.claims.registry import figure_of
from leaderboard.claims.studies.disagreement import pairs_of
from leaderboard.claims.studies.dziugaite import AXES, sign_errors
from leaderboard.claims.studies.jiang import taus_of
from leaderboard.claims.studies.profiles import profile_correlations
from leaderboard.claims.studies.rationality import gaps_of
from tests.leaderboard.claims.planted import PLANTED

SEEDS = range(4)
EITHER_WAY = {  # findings that the ledger without them cannot contradict at the same time, and what is found instead
    ("rationality", "three_gaps_bound_the_gap"): "reproduced",  # always true: the sum telescopes
    ("min_norm", "norm_is_not_predictive"): "reproduced",  # a larger norm with a smaller error both times
    ("profiles", "most_points_are_compatible"): "reproduced",  # accuracy is that of the points
}


def verdicts(study: str, evidence: Evidence) -> dict[str, str]:
    """By claim."""
    return {claim.name: claim.verdict for claim in judge(claims_of(study), evidence)}


@pytest.mark.parametrize("study", sorted(PLANTED))
def test_what_is_there_is_found(study: str) -> None:
    """Every claim is reproduced."""
    found = verdicts(study, PLANTED[study](holds=True, seeds=SEEDS))
    assert found == dict.fromkeys(found, "reproduced")
    assert len(found) >= 2


@pytest.mark.parametrize("study", sorted(PLANTED))
def test_what_is_not_there_is_not_found(study: str) -> None:
    """No claim is reproduced, and each is contradicted."""
    found = verdicts(study, PLANTED[study](holds=False, seeds=SEEDS))
    assert found == {name: EITHER_WAY.get((study, name), "not reproduced") for name in found}


@pytest.mark.parametrize("study", sorted(PLANTED))
def test_too_little_is_undecided(study: str) -> None:
    """One seed, and no ledger at all."""
    whole = PLANTED[study](holds=True, seeds=range(1))
    none = Evidence(whole.ledger[:0], whole.curves[:0], {})
    if study not in {"jiang", "profiles"}:  # settings and images, not seeds, are their clusters
        assert set(verdicts(study, whole).values()) == {"undecided"}
    assert set(verdicts(study, none).values()) == {"undecided"}


@pytest.mark.parametrize("study", sorted(PLANTED))
def test_every_study_is_drawn(study: str) -> None:
    """Every series has points, all of them finite; the axes and every series are named in the picture."""
    figure, evidence = figure_of(study), PLANTED[study](holds=True, seeds=SEEDS)
    assert figure is not None
    series = figure.series(evidence)
    words = set(re.findall(r"<text [^>]*>([^<]*)</text>", draw_svg(figure, evidence)))

    assert all(one.points for one in series)
    assert all(np.isfinite([p.low, p.mean, p.high]).all() for one in series for p in one.points)
    assert {one.name for one in series} | {figure.x, figure.y} <= words


def test_every_study_is_planted() -> None:
    """None is forgotten here."""
    names = [info.name for info in pkgutil.iter_modules(leaderboard.claims.studies.__path__)]
    assert {name for name in names if claims_of(name)} == set(PLANTED)


def test_claims_say_whose_they_are() -> None:
    """Names differ within a study; sentences end."""
    for study in PLANTED:
        claims = claims_of(study)
        assert {claim.study for claim in claims} == {study}
        assert len({claim.name for claim in claims}) == len(claims)
        assert all(claim.statement.endswith(".") for claim in claims)


def test_profiles_are_correlations() -> None:
    """As numpy has them, image by image; an image on which all agree has none."""
    draw = np.random.default_rng(0)
    right = (draw.random((20, 6)) < 0.5).astype(float)
    right[:, 0] = 1
    accuracy = right.mean(1)

    found = profile_correlations(right, accuracy)
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([np.corrcoef(right[:, i], accuracy)[0, 1] for i in range(1, 6)])


def test_taus_of_a_resample_are_those_of_the_drawn_networks() -> None:
    """SciPy's tau-b of the networks, each as often as it was drawn; measures with holes are left out."""
    draw = np.random.default_rng(1)
    ledger = pd.DataFrame({"gap": draw.random(12).round(1), "measure.params": draw.integers(0, 4, 12).astype(float)})
    ledger["measure.fro_dist"] = np.where(np.arange(12) == 3, np.nan, ledger["gap"])
    counts = np.bincount(draw.integers(0, 12, 30), minlength=12)
    drawn = ledger.loc[np.repeat(np.arange(12), counts)]

    (taus,) = taus_of(ledger, np.arange(12), counts[None].astype(float))
    assert taus == {"params": pytest.approx(kendalltau(drawn["measure.params"], drawn["gap"]).statistic)}


@pytest.mark.parametrize("study", sorted(PLANTED))
def test_seeds_are_names(study: str) -> None:
    """All of them shifted, as a held-out zoo's are, nothing else is found."""
    evidence = PLANTED[study](holds=True, seeds=SEEDS)
    shift = {str(n): evidence.ledger[n] + 999_999_937 for n in evidence.ledger if str(n).endswith("seed")}

    assert verdicts(study, replace(evidence, ledger=evidence.ledger.assign(**shift))) == verdicts(study, evidence)


def test_a_disagreement_is_counted_by_hand() -> None:
    """Ten images, a base and a sibling of another order that differ on three; errors of two and three tenths."""
    base = {"init_seed": 0, "data_seed": 0, "train_part": 0, "hp.model": "mlp"}
    rows = [
        base | {"run_id": "a", "seed": 0, "test_accuracy": 0.8},
        base | {"run_id": "b", "seed": 100, "test_accuracy": 0.7},
    ]
    answers: dict[str, Sequence[int]] = {"a": [1] * 10, "b": [1] * 7 + [2] * 3}
    (pair,) = pairs_of(Evidence(pd.DataFrame(rows), pd.DataFrame(), {"test_predictions": answers})).itertuples()

    assert (pair.kind, pair.base) == ("order", 0)
    assert pair.disagreement == pytest.approx(0.3)
    assert pair.error == pytest.approx(0.25)


def test_sign_errors_by_the_published_rule_where_seeds_allow_it() -> None:
    """Four seeds, of which one setting has three and noise hides three of its pairs: nine effective pairs are too few.

    With three seeds everywhere nine are all there are, and enough.
    """
    rows = [
        {"hp.width": width, "seed": seed, "gap": 0.1 + 0.4 * width, "measure.params": float(width)}
        for width, seed in product((0, 1), range(4))
    ]
    frame = pd.DataFrame(rows).assign(**{f"hp.{axis}": 0 for axis in AXES if axis != "width"}, test_size=500)
    frame["test_accuracy"] = 1 - frame["gap"]
    hidden = frame.assign(gap=frame["gap"].where((frame["hp.width"] == 0) | (frame["seed"] != 3), 0.1))
    missing = hidden[(hidden["hp.width"] == 1) | (hidden["seed"] != 3)]

    assert sign_errors(frame)["params"].mean == 0
    assert sign_errors(missing) == {}
    assert sign_errors(frame[frame["seed"] != 3])["params"].environments == 2


def test_the_gaps_of_bansal_by_hand() -> None:
    """Train 1, under noise 0.9, wrong labels undone 0.6, test 0.5: 0.1 + 0.3 + 0.1 is the gap of 0.5."""
    clean = {"seed": 0, "hp.source": None, "hp.corruption": "true_labels", "train_accuracy": 1.0, "test_accuracy": 0.5}
    noisy = clean | {"hp.corruption": "partial_labels 0.1"}
    noisy |= {"observed.train_under_noise": 0.9, "observed.wrong_labels_undone": 0.6}
    (found,) = gaps_of(Evidence(pd.DataFrame([clean, noisy]), pd.DataFrame(), {})).to_dict("records")

    parts = [found[name] for name in ("gap", "robustness", "memorization", "rationality")]
    assert parts == pytest.approx([0.5, 0.1, 0.3, 0.1])
