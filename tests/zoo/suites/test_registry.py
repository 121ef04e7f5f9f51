"""The suites in the box stage what the ranking needs."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from zoo.errors import SuiteError, UnknownSuiteError
from zoo.suites.registry import SUITE_GROUP, suite, suite_problems, suites


def test_the_smoke_suite_has_twelve_networks() -> None:
    """As its summary says."""
    assert len({recipe.run_id for recipe in suite("smoke").recipes()}) == 12


def test_every_suite_says_what_it_is() -> None:
    """One line, and recipes that all differ."""
    for known in suites().values():
        assert known.summary.endswith(".")
        for size in known.sizes:
            assert len({recipe.run_id for recipe in known.recipes(size)}) == len(known.recipes(size))


def test_an_unknown_suite_is_answered_with_suggestions() -> None:
    """Not by running the default."""
    with pytest.raises(UnknownSuiteError, match="Did you mean: digits"):
        suite("digit")
    with pytest.raises(UnknownSuiteError, match=r"no size 'full'\. Available: small"):
        suite("smoke").recipes("full")


def test_an_installed_package_offers_a_suite_and_a_broken_one_takes_nothing_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entry points: one that can be used, one that raises, one whose name is taken."""
    (tmp_path / "suite_of_a_package.py").write_text(
        '"""A suite of a package."""\nfrom zoo.recipe import Recipe\nfrom zoo.suites.study import Size, Study\n'
        'STUDY = Study(sizes={"small": Size(recipes=lambda: iter([Recipe(seed=5)]), data="digits")})\n'
    )
    (tmp_path / "broken_suite.py").write_text('raise ValueError("not today")\n')
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        EntryPoint(name, module, SUITE_GROUP)
        for name, module in (
            ("mine", "suite_of_a_package"),
            ("broken", "broken_suite"),
            ("digits", "suite_of_a_package"),
        )
    ]
    monkeypatch.setattr("zoo.suites.registry.entry_points", lambda group: points if group == SUITE_GROUP else [])
    suites.cache_clear()
    try:
        assert [recipe.seed for recipe in suite("mine").recipes()] == [5]
        assert "broken" not in suites()
        assert not suite("digits").of_user
        with pytest.raises(SuiteError, match="broken = broken_suite cannot be used: not today"):
            suite("broken")
        broken, taken = suite_problems()
        assert "not today" in broken
        assert "digits = suite_of_a_package cannot be used: the name is taken" in taken
    finally:
        suites.cache_clear()
