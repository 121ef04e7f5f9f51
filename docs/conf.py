"""Configure Sphinx: the guides of this folder and an API reference from the docstrings, built by `make docs`."""

import importlib
import inspect
import re
import shutil
from pathlib import Path
from typing import Final

from sphinx.application import Sphinx
from sphinx.util import logging

from measures.registry import catalog

project = "gapbench"
author = "The gapbench authors"
copyright = author  # noqa: A001  Sphinx asks for this name
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
html_theme = "furo"
html_title = "gapbench"
default_role = "code"  # docstrings set names in single backticks
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True

PUBLIC: Final = ("measures", "leaderboard", "leaderboard.claims", "zoo.corruptions")  # every name of their __all__
CATALOGUE: Final = Path(__file__).parent / "api" / "catalogue"
PAGE: Final = """{title}
{line}

{entries}"""
ENTRY: Final = """.. py:data:: {name}
   :module: {module}

{body}

   Source: {source}. Larger means a {direction} gap. Needs: {needs}. Cost: {cost}. Version {version}.
"""


def write_catalogue(_: Sphinx) -> None:
    """Write a page for each family of measures, each measure with its docstring and metadata."""
    shutil.rmtree(CATALOGUE, ignore_errors=True)
    CATALOGUE.mkdir(parents=True)
    pages: dict[str, list[str]] = {}
    for name, measure in catalog().items():
        text = inspect.cleandoc(measure.compute.__doc__ or "")
        entry = ENTRY.format(
            name=name,
            module=measure.compute.__module__,
            body="\n".join(f"   {_escape_bars(row)}".rstrip() for row in text.splitlines()),
            source=measure.source,
            direction="larger" if measure.expected_sign > 0 else "smaller",
            needs=", ".join(sorted(measure.needs)) or "nothing beyond the network and its training data",
            cost=measure.cost,
            version=measure.version,
        )
        pages.setdefault(measure.family, []).append(entry)
    for family, entries in pages.items():
        title = family.replace("_", " ").capitalize()
        text = PAGE.format(title=title, line="=" * len(title), entries="\n".join(entries))
        (CATALOGUE / f"{family}.rst").write_text(text, encoding="utf-8")


def _escape_bars(row: str) -> str:
    """Escape |x| in a row of prose, where reStructuredText would look for a substitution; formulas are indented."""
    return row if row.startswith(" ") else re.sub(r"(`[^`]*`)|\|", lambda found: found[1] or r"\|", row)


def check_public_names(app: Sphinx, _: object) -> None:
    """Warn of every public name without an entry, which a missing docstring leaves out; -W makes it an error."""
    known = set(app.env.domaindata["py"]["objects"])
    for module in PUBLIC:
        for name in importlib.import_module(module).__all__:
            if f"{module}.{name}" not in known:
                logging.getLogger(__name__).warning("%s.%s has no entry in the API reference", module, name)


def setup(app: Sphinx) -> None:
    """Connect the two functions."""
    app.connect("builder-inited", write_catalogue)
    app.connect("env-check-consistency", check_public_names)
