"""Families of a zoo with planted measures."""

import json

import pytest

from leaderboard.ranking.excerpt import excerpt_of
from leaderboard.ranking.families import NO_FAMILY, families_json, family_facts
from leaderboard.ranking.rank import rank
from leaderboard.ranking.report import Report
from leaderboard.ranking.verdicts import beats_chance, passes_gate, ranked_names
from tests.leaderboard.reports import zoo

METADATA: dict[str, dict[str, object]] = {
    "perfect": {"family": "good", "expected_sign": -1},
    "reversed": {"family": "good", "expected_sign": -1},
    "memory": {"family": "bad", "expected_sign": 1},
    "useless": {"expected_sign": 1},
}


@pytest.fixture(scope="module")
def report() -> Report:
    """The planted zoo with four seeds, so that verdicts fall; the perfect measure has the wrong sign."""
    return rank(zoo(seeds=4), bootstrap=200, metadata=METADATA)


def test_families_hold_their_measures_best_first(report: Report) -> None:
    """Signs are respected, counts are sums over the members, and a measure without a family has a row."""
    facts = {one.family: one for one in family_facts(report)}

    assert set(facts) == {"good", "bad", NO_FAMILY}
    assert list(facts["good"].names) == ["reversed", "perfect"]
    assert facts["good"].median == pytest.approx(0, abs=1e-9)  # +1 and -1
    assert facts["good"].psi == pytest.approx(1)
    assert (facts["good"].better, facts["good"].worse) == (1, 1)
    ranked = [report.measures[name] for name in ranked_names(report)]
    assert sum(one.better for one in facts.values()) == sum(map(beats_chance, ranked))
    assert sum(one.passes for one in facts.values()) == sum(passes_gate(entry) is True for entry in ranked)
    assert facts["bad"].passes == facts["bad"].gated == 1  # it knows the corruption and nothing else


def test_the_interval_is_that_of_the_best_in_its_direction(report: Report) -> None:
    """A score that should fall with the gap has its interval turned."""
    (good,) = (one for one in family_facts(report) if one.family == "good")
    raw = report.measures["reversed"].interval.Psi

    assert raw is not None
    assert good.interval is not None
    assert tuple(good.interval) == (-raw.high, -raw.low)


def test_a_stored_ranking_has_the_same_families(report: Report) -> None:
    """What a table keeps is enough; the JSON is plain."""
    assert family_facts(excerpt_of(report)) == family_facts(report)
    found = families_json(report)
    assert json.loads(json.dumps(found, allow_nan=False))["families"][0]["family"] == family_facts(report)[0].family
    assert found["within"] == ["hp.corruption"]
