"""Files that cannot be submitted: each is refused in one sentence."""

from pathlib import Path

import pytest

from tests.harness.conftest import Gapbench

HEADER = "from measures import measure\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = (", "must be Python; it has a SyntaxError in line 1"),
        ("x = 1\0", "must be Python; it has a"),
        ("import neighbour", "it imports neighbour from beside it"),
        ("from neighbour.inner import x", "it imports neighbour from beside it"),
        (
            "from measures import measure\n@measure\ndef f(s):\n    return 1.0\n",
            "measure() missing 2 required keyword-only arguments",
        ),
        (
            f"{HEADER}@measure(source='s', family='norm', needs='twin')\ndef f(s):\n    return 1.0\n",
            "needs must be a set of names, such as {'twin'}; got 'twin'.",
        ),
    ],
)
def test_bad_files_are_bad_input(tmp_path: Path, gapbench: Gapbench, text: str, sentence: str) -> None:
    """Exit status 2 and one sentence."""
    (tmp_path / "neighbour.py").write_text("x = 1\n")
    path = tmp_path / "bad.py"
    path.write_text(text)
    result = gapbench("check", path)

    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.stderr.split())


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path, gapbench: Gapbench) -> None:
    """Exit status 2."""
    result = gapbench("check", tmp_path / "missing.py")

    assert result.exit_code == 2, result.output
    assert "there is none" in " ".join(result.stderr.split())
