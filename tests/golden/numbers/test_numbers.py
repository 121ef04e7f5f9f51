"""No number of a measure changes under its name and version."""

import dataclasses
from math import inf
from pathlib import Path

import pytest

from measures.registry import catalog
from tests.golden.numbers.record import Golden, complaints, distance, read_golden, tolerance_of, write_golden
from tests.golden.numbers.renew import renewed
from tests.golden.numbers.scores import SLOW_ON, Scores, scores_of
from tests.golden.numbers.stored import SHAPES
from zoo.recipe_fields import FAMILIES

STORED = {"l2": Golden(1, 1, 1e-9, {"mlp": 2.0, "vit": None}), "fim": Golden(2, 1, 1e-6, {"mlp": 3.0, "vit": 1.0})}
FOUND: dict[str, dict[str, float | None]] = {"l2": {"mlp": 2.0, "vit": None}, "fim": {"mlp": 3.0, "vit": 1.0}}
VERSIONS = {"l2": 1, "fim": 2}
CHANGELOG = "- `fim` 2: in nats."


@pytest.mark.parametrize("name", SHAPES)
def test_no_number_changed_under_its_version(
    name: str, pytestconfig: pytest.Config, request: pytest.FixtureRequest
) -> None:
    """Every measure on one stored network."""
    data = None if SHAPES[name].images == "digits" else request.getfixturevalue("data_dir")
    versions = {measure: known.version for measure, known in catalog().items() if not known.slow or name in SLOW_ON}
    golden = {measure: known for measure, known in read_golden().items() if name in known.scores}
    changelog = (pytestconfig.rootpath / "CHANGELOG.md").read_text(encoding="utf-8")
    found = {measure: {name: value} for measure, value in scores_of(name, data).items()}

    assert list(complaints(golden, found, versions, changelog, [name])) == []


def test_every_family_is_stored() -> None:
    """A new family needs a network here."""
    assert {shape.model for shape in SHAPES.values()} == set(FAMILIES)


def test_most_tolerances_are_tight() -> None:
    """A tolerance that forgives everything would guard nothing."""
    tolerances = sorted(known.tolerance for known in read_golden().values())

    assert tolerances[len(tolerances) // 2] <= 1e-6
    assert sum(tolerance > 0.01 for tolerance in tolerances) < len(tolerances) / 20


def test_nothing_is_said_of_equal_numbers() -> None:
    """Rounding is no change."""
    found = FOUND | {"fim": {"mlp": 3.0 + 1e-7, "vit": 1.0}}

    assert list(complaints(STORED, found, VERSIONS, CHANGELOG)) == []


@pytest.mark.parametrize(
    ("found", "versions", "changelog", "says"),
    [
        ({"fim": {"mlp": 3.1, "vit": 1.0}}, {}, CHANGELOG, "fim changed by 0.032"),
        ({"l2": {"mlp": 2.0, "vit": 1.0}}, {}, CHANGELOG, "l2 changed by inf"),
        ({"fim": {"mlp": 3.1, "vit": 1.0}}, {"fim": 3}, CHANGELOG + " `fim` 3", "fim has version 3 and the golden"),
        ({}, {}, "", "fim has version 2, which CHANGELOG.md must name"),
        ({}, {"new": 1}, CHANGELOG, "new has no golden numbers"),
    ],
)
def test_a_change_is_named(
    found: dict[str, dict[str, float | None]], versions: dict[str, int], changelog: str, says: str
) -> None:
    """A number, a refusal, a version that was raised, one that CHANGELOG does not name, and a new measure."""
    (said,) = complaints(STORED, FOUND | found, VERSIONS | versions, changelog)

    assert said.startswith(says)


def test_a_measure_that_is_gone_is_named() -> None:
    """Its numbers go with it."""
    assert [said.split()[0] for said in complaints(STORED, FOUND, {"l2": 1}, CHANGELOG)] == ["fim"]


def test_renewing_takes_what_was_raised_and_nothing_else() -> None:
    """A number that changed without a version stays, so that its test fails on."""
    plain: Scores = {"l2": {"mlp": 9.0, "vit": None}, "fim": {"mlp": 4.0, "vit": 1.0}, "new": {"mlp": 1.0, "vit": 0.0}}
    spread = plain | {"fim": {"mlp": 4.0 + 4e-6, "vit": 1.0}}

    result, changes = renewed(STORED, {"l2": 1, "fim": 3, "new": 1}, plain, {"two threads": spread})

    assert result["l2"] == STORED["l2"]
    assert result["fim"] == Golden(3, 1, tolerance_of(1e-6), plain["fim"])
    assert result["new"] == Golden(1, 1, 1e-9, plain["new"])
    assert [line.split(":")[0] for line in changes] == ["fim", "new"]


def test_distance_and_tolerance() -> None:
    """Relative, and rounding beside a large score is none."""
    assert distance({"a": 1.0, "b": 1e-12}, {"a": 1.0, "b": 2e-12}) == pytest.approx(1e-3)
    assert distance({"a": 1.0, "b": None}, {"a": 1.0, "b": 1.0}) == inf
    assert [tolerance_of(spread) for spread in (0.0, 1e-16, 1e-7)] == [1e-9, 1e-9, pytest.approx(1e-5)]


def test_golden_numbers_are_read_as_written(tmp_path: Path) -> None:
    """To the last bit."""
    stored = {"l2": dataclasses.replace(STORED["l2"], scores={"mlp": 0.1 + 0.2, "vit": None})}
    write_golden(stored, tmp_path / "scores.json")

    assert read_golden(tmp_path / "scores.json") == stored
