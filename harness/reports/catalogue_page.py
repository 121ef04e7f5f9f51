"""Write docs/measures.md: the catalogue, with the cost of each measure in a zoo that was scored.

python -m harness.reports.catalogue_page runs/digits -o docs/measures.md
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from harness.reports.write_results import suites_in
from harness.store.atomic_write import write_text
from harness.store.estimator_noise import TABLE, Noise, read_table
from harness.store.store import open_store
from harness.store.to_ledger import frame_of, metadata_of
from leaderboard.views.markdown_table import left, write_table
from measures.left_out import ABSENT
from measures.registry import CORE, catalog

MILLISECONDS: Final = 1000
HEAD: Final = """# The catalogue of measures

{count} measures in {families} families. A `+` in the column *sign* means that a larger score should predict a larger
generalization gap, a `-` that a smaller one should. *Needs* lists what a measure requires beyond the network and its
training data. *Cost* is given in passes over the data or products, and in milliseconds per network: the median over
{networks} networks of {zoo}, as if each measure were computed alone, shared passes included. The definition of a
measure is its docstring, which `gapbench list measures` and the leaderboard show. `--measures core` selects those
marked *core*.

*Noise* is the standard deviation of a score over four seeds of its estimator, divided by that over networks of the same
corruption: the median over the corruptions of the suite digits, 36 networks in all, as
`python -m harness.reports.estimator_noise` measures it. It is 0 where a measure draws nothing. Above 0.2 a ranking by
the measure is partly a ranking of draws: it takes no rank on a leaderboard. *Constant* marks a measure that has
one score for all these networks, and ranks nothing.

Equations of Jiang et al. 2020 are numbered as in published code: 20, 22, 29 to 44, 48, 49, 53, 56, 57 and 61. Foret et
al. 2021 (eq. 2, sec. 4.1), Garg et al. 2022, Hendrycks & Gimpel 2017 and the figure of Papyan et al. 2020 were also
compared with the text. Other numbers of sections and equations were not, and may be those of another version.

This page is made by `python -m harness.reports.catalogue_page ZOO -o docs/measures.md`.
"""
COLUMNS: Final = left("measure", "sign", "needs", "source", "cost", "ms", "noise")
ABSENT_HEAD: Final = """## What is left out

Measures of the literature that are not in the catalogue, and the reasons.

"""


def markdown(
    measures: Mapping[str, Mapping[str, Any]],
    absent: Mapping[str, str],
    ledger: pd.DataFrame,
    zoo: str,
    noise: Mapping[str, Noise],
) -> str:
    """Write the page as Markdown.

    Args:
        measures: the metadata of each measure, see `harness.store.to_ledger.metadata_of`.
        absent: measures that are left out, with the reasons.
        ledger: one row for each network, with columns `cost.<name>` in seconds.
        zoo: the name of the zoo in the text.
        noise: the estimator noise of measures, by name.
    """
    families = sorted({entry["family"] for entry in measures.values()})
    parts = [HEAD.format(count=len(measures), families=len(families), networks=len(ledger), zoo=zoo)]
    for family in families:
        own = {name: entry for name, entry in measures.items() if entry["family"] == family}
        rows = (_row(name, entry, ledger, noise.get(name)) for name, entry in own.items())
        parts.append(f"\n## {family.replace('_', ' ')}\n\n{write_table(COLUMNS, rows)}")
    left_out = ((f"`{name}`", why) for name, why in sorted(absent.items()))
    parts += ["\n", ABSENT_HEAD, write_table(left("measure", "why"), left_out)]
    return "".join(parts)


def _row(name: str, entry: Mapping[str, Any], ledger: pd.DataFrame, noise: Noise | None) -> tuple[str, ...]:
    return (
        f"`{name}`" + " *core*" * (name in CORE),
        "+" if entry["expected_sign"] > 0 else "-",
        ", ".join(entry["needs"]),
        entry["source"].replace("|", "\\|"),
        entry["price"],
        _milliseconds(name, ledger),
        _ratio(noise) if noise is not None and noise.version == entry["version"] else "",
    )


def _milliseconds(name: str, ledger: pd.DataFrame) -> str:
    seconds = ledger[f"cost.{name}"].dropna() if f"cost.{name}" in ledger else pd.Series(dtype=float)
    if seconds.empty:
        return ""
    return f"{seconds.median() * MILLISECONDS:.3g}"


def _ratio(noise: Noise) -> str:
    if noise.noise is None:
        return "constant" if noise.networks else ""
    return f"{noise.noise:.2f}" if noise.noise else "0"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("zoo", type=Path, help="a zoo's directory, whose networks were scored")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/measures.md"))
    parser.add_argument("--noise", type=Path, default=TABLE, help="estimator noise as CSV")
    chosen = parser.parse_args(arguments)
    with open_store(chosen.zoo) as store:
        ledger, suite = frame_of(store), suites_in(store)
    page = markdown(metadata_of(catalog()), ABSENT, ledger, f"the suite {suite}", read_table(chosen.noise))
    write_text(chosen.output, page)


if __name__ == "__main__":
    main()
