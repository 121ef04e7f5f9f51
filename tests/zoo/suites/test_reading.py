"""Suites from files: every mistake is answered with the file, the line and the reason."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from zoo.errors import RecipeError, SuiteError, UnknownSuiteError
from zoo.suites.registry import suite

HEAD = '''"""A suite."""
from zoo.recipe import Recipe
from zoo.suites.study import Size, Study
'''
TAIL = 'STUDY = Study(sizes={"small": Size(recipes=recipes, data="digits")})\n'
MISTAKES: Mapping[str, tuple[str, str]] = {
    "no recipe": ("def recipes():\n    yield from ()\n", r"'small' yields no recipe"),
    "two of one id": (
        "def recipes():\n    yield Recipe(seed=1)\n    yield Recipe(seed=2)\n    yield Recipe(seed=1)\n",
        r"mine\.py, line 7: this recipe is there already, from .*mine\.py, line 5\.",
    ),
    "of an inner generator": (
        "def inner():\n    yield Recipe()\n    yield Recipe()\ndef recipes():\n    yield from inner()\n",
        r"mine\.py, line 6: this recipe is there already, from .*line 5\.",
    ),
    "of a list": ("def recipes():\n    return [Recipe(), Recipe()]\n", r"mine\.py, recipe 2: this recipe is there"),
    "impossible": (
        "def recipes():\n    yield Recipe()\n    yield Recipe(\n        dropout=2.0)\n",
        r"mine\.py, line 6: dropout must lie in \[0, 1\); got 2\.0",
    ),
    "unknown model": (
        "def recipes():\n    yield Recipe(model='resnet19')\n",
        r"mine\.py, line 5: No model is called 'resnet19'\. Did you mean: .*resnet",
    ),
    "unknown field": ("def recipes():\n    yield Recipe(lr=0.1)\n", r"mine\.py, line 5: .*unexpected keyword .*'lr'"),
    "not a recipe": ("def recipes():\n    yield 'resnet18'\n", r"mine\.py, line 5: .* must yield .*Recipe; got str"),
    "raises": ("def recipes():\n    yield Recipe(seed=1 // 0)\n", r"mine\.py, line 5: integer division"),
}
FILES: Mapping[str, tuple[str, str]] = {
    "no study": ('"""A suite."""\n', r"must define STUDY, .*; there is none"),
    "another study": ('"""A suite."""\nSTUDY = 3\n', r"must define STUDY, .*; it is a int"),
    "no size": (HEAD + "STUDY = Study(sizes={})\n", r"at least one size"),
    "no docstring": ((HEAD + "def recipes():\n    yield Recipe()\n" + TAIL).partition("\n")[2], r"a docstring"),
    "not Python": ('"""A suite."""\ndef recipes(:\n', r"mine\.py, line 2: "),
    "fails on import": ('"""A suite."""\nimport no_such_module\n', r"mine\.py, line 2: No module named"),
}


def write(folder: Path, text: str) -> str:
    """Write a suite file and return its path."""
    file = folder / "mine.py"
    file.write_text(text, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(("body", "message"), MISTAKES.values(), ids=MISTAKES)
def test_recipes_that_are_no_zoo_are_refused_by_line(tmp_path: Path, body: str, message: str) -> None:
    """Before anything is trained."""
    with pytest.raises(SuiteError, match=message):
        suite(write(tmp_path, HEAD + body + TAIL)).recipes()


@pytest.mark.parametrize(("text", "message"), FILES.values(), ids=FILES)
def test_files_that_define_no_suite_are_refused(tmp_path: Path, text: str, message: str) -> None:
    """With what a suite must have."""
    with pytest.raises(SuiteError, match=message):
        suite(write(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The message says how to make one."""
    with pytest.raises(UnknownSuiteError, match=r"There is no file .*gapbench new NAME --suite"):
        suite(str(tmp_path / "mine.py"))


def test_a_suite_may_import_its_neighbours(tmp_path: Path) -> None:
    """As a script may; its name is that of the file, and the search path stays as it was."""
    (tmp_path / "neighbour_of_mine.py").write_text("SEEDS = (3, 4)\n", encoding="utf-8")
    body = "from neighbour_of_mine import SEEDS\ndef recipes():\n    return (Recipe(seed=s) for s in SEEDS)\n"
    found = suite(write(tmp_path, HEAD + body + TAIL))

    assert found.name == "mine"
    assert found.of_user
    assert [recipe.seed for recipe in found.recipes()] == [3, 4]


def test_a_network_that_does_not_fit_its_images_is_refused_by_line(tmp_path: Path) -> None:
    """Built and tried before anything is trained, and the message says which size works."""
    from harness.pipeline.plan import make_plan
    from harness.pipeline.run_options import RunOptions

    body = "def recipes():\n    yield Recipe()\n    yield Recipe(model='test_convnext')\n"
    options = RunOptions(suite=write(tmp_path, HEAD + body + TAIL), out=tmp_path / "zoo")
    with pytest.raises(RecipeError, match=r"mine\.py, line 6: .*'test_convnext' cannot take .* works is 32 x 32"):
        make_plan(options)
    assert not (tmp_path / "zoo").exists()
