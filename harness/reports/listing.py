"""Lists of suites, measures, data sets and corruptions, each by name with a row of facts."""

from pathlib import Path
from typing import Literal

from harness.reports.planning import settled_by
from harness.store.catalogue_source import read_catalogue
from zoo.corruptions import COMMON_CORRUPTIONS, CORRUPTIONS
from zoo.data.datasets import DATASETS, datasets_in
from zoo.suites.registry import suites

What = Literal["suites", "measures", "datasets", "corruptions"]


def list_entries(what: What, data_dir: Path | None) -> dict[str, dict[str, str | int]]:
    """Return a row of facts by name; `data_dir` holds data sets beside the bundled ones."""
    if what == "suites":
        return {
            name if len(suite.sizes) == 1 else f"{name} --size {size_name}": {
                "networks": len(recipes),
                "settles Psi": settled_by(recipes),
                "data": size.data,
                "two cores": size.cores,
                "GPU": size.gpu,
                "what": suite.summary,
            }
            for name, suite in suites().items()
            for size_name, size in suite.sizes.items()
            for recipes in [tuple(size.recipes())]
        }
    if what == "measures":
        return {
            name: {
                "family": row["family"],
                "track": row["track"],
                "needs": ", ".join(row["needs"]),
                "sign": f"{row['expected_sign']:+d}",
                "cost": row["price"],
                "source": row["source"],
                "what": " ".join(row["summary"].split()),
            }
            for name, row in read_catalogue().items()
        }
    if what == "datasets":
        there = {} if data_dir is None else datasets_in(data_dir)
        return {
            **{name: {"what": f"{layout}, in {data_dir}"} for name, layout in there.items()},
            **{name: {"what": summary} for name, summary in DATASETS.items()},
        }
    shifts = {name: f"{summary}; a shift, of severity 1 to 5" for name, summary in COMMON_CORRUPTIONS.items()}
    return {name: {"what": summary} for name, summary in (CORRUPTIONS | shifts).items()}
