"""docs/measures.md says what the catalogue says."""

import re
from pathlib import Path

import pandas as pd

from harness.reports.catalogue_page import main, markdown
from harness.store.estimator_noise import Noise, format_table
from harness.store.to_ledger import metadata_of
from measures.left_out import ABSENT
from measures.registry import catalog

PAGE = Path(__file__).parents[3] / "docs" / "measures.md"


def without_figures(page: str) -> list[str]:
    """The rows of the tables but for the last cells, the measured milliseconds and noise."""
    rows = [line.strip("|\n").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return ["|".join(row[:5]) for row in rows]


def test_the_page_in_the_docs_is_current() -> None:
    """Names, signs, needs, sources and costs; after a change make it again from a zoo."""
    current = markdown(metadata_of(catalog()), ABSENT, pd.DataFrame(), "a zoo", {})

    assert without_figures(PAGE.read_text()) == without_figures(current)


def test_nothing_is_both_there_and_left_out() -> None:
    """And every reason is a reason."""
    assert not set(ABSENT) & set(catalog())
    assert all(len(why) > 20 for why in ABSENT.values())


def test_every_measure_says_what_it_costs() -> None:
    """In words, as the page shows."""
    assert not [name for name, measure in catalog().items() if not measure.cost]


def test_the_page_is_made_from_a_zoo(finished: Path, tmp_path: Path) -> None:
    """Measures that were scored have a cost, those of today's version their noise."""
    versions = {name: measure.version for name, measure in catalog().items()}
    rows = [
        Noise("param_norm", versions["param_norm"], 4, 0.0, 0.0),
        Noise("hess_trace", versions["hess_trace"], 4, 0.123, 0.2),
        Noise("hess_top", versions["hess_top"] - 1, 4, 0.3, 0.2),
        Noise("ww_traps", versions["ww_traps"], 4, None, None),
    ]
    (tmp_path / "noise.csv").write_text(format_table(rows))
    main([str(finished), "-o", str(tmp_path / "page.md"), "--noise", str(tmp_path / "noise.csv")])
    page = (tmp_path / "page.md").read_text()

    assert "over 4 networks of the suite smoke" in " ".join(page.split())
    assert re.search(r"\| `param_norm` \*core\* \|.*\| [\d.e-]+ \| 0 \|\n", page)
    assert re.search(r"\| `hess_trace` \*core\* \|.*\|  \| 0\.12 \|\n", page)
    assert re.search(r"\| `hess_top` \*core\* \|.*\|  \|  \|\n", page)
    assert re.search(r"\| `ww_traps` \|.*\|  \| constant \|\n", page)
