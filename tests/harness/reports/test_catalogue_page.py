"""docs/measures.md says what the catalogue says."""

import re
from pathlib import Path

import pandas as pd

from harness.reports.catalogue_page import main, markdown
from harness.store.to_ledger import metadata_of
from measures.left_out import ABSENT
from measures.registry import catalog

PAGE = Path(__file__).parents[3] / "docs" / "measures.md"


def without_figures(page: str) -> list[str]:
    """The rows of the tables but for the last cell, the measured milliseconds."""
    return [line.rsplit("|", 2)[0] for line in page.splitlines() if line.startswith("| `")]


def test_the_page_in_the_docs_is_current() -> None:
    """Names, signs, needs, sources and costs; after a change make it again from a zoo."""
    current = markdown(metadata_of(catalog()), ABSENT, pd.DataFrame(), "a zoo")

    assert without_figures(PAGE.read_text()) == without_figures(current)


def test_nothing_is_both_there_and_left_out() -> None:
    """And every reason is a reason."""
    assert not set(ABSENT) & set(catalog())
    assert all(len(why) > 20 for why in ABSENT.values())


def test_every_measure_says_what_it_costs() -> None:
    """In words, as the page shows."""
    assert not [name for name, measure in catalog().items() if not measure.cost]


def test_the_page_is_made_from_a_zoo(finished: Path, tmp_path: Path) -> None:
    """Measures that were scored have a figure."""
    main([str(finished), "-o", str(tmp_path / "page.md")])
    page = (tmp_path / "page.md").read_text()

    assert "over 4 networks of the suite smoke" in " ".join(page.split())
    assert re.search(r"\| `param_norm` \*core\* \|.*\| [\d.e-]+ \|\n", page)
    assert re.search(r"\| `hess_trace` \*core\* \|.*\|  \|\n", page)
