"""CONTRIBUTING's list of files: every file is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"`((?:zoo|measures|leaderboard|harness|tests|docs)/[\w./]+\.(?:py|js|cpp))`")


def rows() -> dict[str, str]:
    """The questions with their files."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.split("## Where is what")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| (.+?) \| `([\w./]+)` \|$", section, re.MULTILINE))


def test_every_file_that_is_named_is_there() -> None:
    """In CONTRIBUTING, the guides and the pull request's template; what a file move breaks is named."""
    pages = [ROOT / "CONTRIBUTING.md", ROOT / ".github" / "pull_request_template.md", *(ROOT / "docs").glob("*.md")]
    pages += (ROOT / "docs" / "decisions").glob("*.md")
    named = {(page.name, file) for page in pages for file in FILE.findall(page.read_text(encoding="utf-8"))}
    missing = sorted((page, file) for page, file in named if not (ROOT / file).exists())

    assert missing == []


def test_twenty_questions_are_answered() -> None:
    """Each by a different file."""
    found = rows()

    assert len(found) >= 20
    assert len(set(found.values())) == len(found)
