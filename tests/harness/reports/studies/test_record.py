"""Results of a study that are kept, and whether they are those of today's recipes and claims."""

from dataclasses import replace
from pathlib import Path

from harness.reports.studies.record import StudyRun, keep_study, kept_studies, staging_of
from leaderboard.claims import JudgedClaim, claims_of
from zoo.suites.registry import suite

SUITE = suite("expressivity")


def run() -> StudyRun:
    """A study of today's recipes and claims, none of which could be computed."""
    claims = [
        JudgedClaim(
            study=claim.study, name=claim.name, statement=claim.statement, source=claim.source,
            published=claim.published, unit=claim.unit, holds=str(claim.holds), effect=None, low=None, high=None,
            networks=0, verdict="undecided", why="No network.",
        )
        for claim in claims_of("expressivity")
    ]  # fmt: skip
    return StudyRun(SUITE, "small", 72, {"torch": "2"}, staging_of(SUITE, "small"), claims, "<svg></svg>")


def test_kept_results_are_read_again(tmp_path: Path) -> None:
    """With and without a figure; a figure that is gone is removed; sizes stand side by side, the small one first."""
    assert kept_studies(tmp_path) == []
    for kept in (run(), replace(run(), figure="")):
        keep_study(kept, tmp_path)
        assert kept_studies(tmp_path) == [kept]
    assert [path.name for path in tmp_path.iterdir()] == ["expressivity.json"]

    full = replace(run(), size="full")
    keep_study(full, tmp_path)
    assert kept_studies(tmp_path) == [replace(run(), figure=""), full]
    assert sorted(path.name for path in tmp_path.glob("*full*")) == ["expressivity.full.json", "expressivity.full.svg"]
    assert not full.is_current  # its hash is that of the small size


def test_results_of_other_recipes_or_claims_are_not_current() -> None:
    """A changed range, a changed statement, a missing claim, other recipes."""
    today = run()
    first, *others = today.claims

    assert today.is_current
    assert not replace(today, staging="").is_current
    assert not replace(today, claims=[replace(first, holds="at least 0"), *others]).is_current
    assert not replace(today, claims=[replace(first, statement="Another."), *others]).is_current
    assert not replace(today, claims=others).is_current
