"""Lists of suites, measures, data sets and corruptions, each by name with an entry of facts.

Functions import `zoo` and `measures`, and with them torch, when they need them, so that measures are described at once.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from harness.errors import HarnessError
from harness.store.catalogue_source import read_catalogue
from harness.store.estimator_noise import TABLE, read_table

What = Literal["suites", "measures", "datasets", "corruptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteEntry:
    """Facts of one size of a suite.

    Attributes:
        suite: name of the suite.
        size: small, reference or full.
        networks: number of networks.
        settles: smallest difference of Psi that they detect at 5 % four times in five; None where there is none.
        data: the data sets.
        cores: time on two cores, in words.
        gpu: time on a GPU, in words.
        what: what it is about.
    """

    suite: str
    size: str
    networks: int
    settles: float | None
    data: str
    cores: str
    gpu: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureEntry:
    """Facts of one measure; see `measures.api.Measure`.

    Attributes:
        family: its family.
        track: what it sees.
        needs: what it uses beyond the network and its training data.
        expected_sign: +1 if a larger score should mean a larger gap, -1 if a smaller one should.
        cost: its cost beside shared passes, in passes or products.
        version: raised whenever a number changes.
        source: paper with section or equation.
        what: the first sentences of its docstring.
        definition: its docstring.
    """

    family: str
    track: str
    needs: tuple[str, ...]
    expected_sign: int
    cost: str
    version: int
    source: str
    what: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedMeasure(MeasureEntry):
    """Facts of one measure with its estimator noise.

    Attributes:
        noise: standard deviation of the score over seeds of its estimator over that between networks, 0 where it draws
            nothing; None where it was not measured.
    """

    noise: float | None


@dataclass(frozen=True, slots=True)
class NamedEntry:
    """A data set or a corruption, in one sentence."""

    what: str


def list_suites() -> dict[str, SuiteEntry]:
    """Return the suites by the words that name one and its size on the command line."""
    from harness.reports.planning import settled_by
    from zoo.suites.registry import suites

    return {
        name if len(suite.sizes) == 1 else f"{name} --size {size_name}": SuiteEntry(
            suite=name,
            size=size_name,
            networks=len(recipes),
            settles=settled_by(recipes),
            data=size.data,
            cores=size.cores,
            gpu=size.gpu,
            what=suite.summary,
        )
        for name, suite in suites().items()
        for size_name, size in suite.sizes.items()
        for recipes in [tuple(size.recipes())]
    }


def list_measures() -> dict[str, MeasureEntry]:
    """Return the measures of the catalogue by name."""
    return {
        name: MeasureEntry(
            family=row["family"],
            track=row["track"],
            needs=tuple(row["needs"]),
            expected_sign=row["expected_sign"],
            cost=row["price"],
            version=row["version"],
            source=row["source"],
            what=" ".join(row["summary"].split()),
            definition=row["definition"],
        )
        for name, row in read_catalogue().items()
    }


def describe_measure(name: str) -> DescribedMeasure:
    """Return the facts of one measure.

    Raises:
        HarnessError: no measure of the catalogue has this name; if the literature has it, the message says why it is
            left out.
    """
    known = list_measures()
    if name not in known:
        from measures.errors import suggestion
        from measures.left_out import ABSENT

        if name in ABSENT:
            raise HarnessError(f"{name} is not in the catalogue: {ABSENT[name]}.")
        raise HarnessError(f"No measure is called {name!r}. {suggestion(name, known)}")
    noise = read_table(TABLE).get(name)
    return DescribedMeasure(**asdict(known[name]), noise=None if noise is None else noise.noise)


def list_datasets(data_dir: Path | None) -> dict[str, NamedEntry]:
    """Return the data sets by name: those of `data_dir`, and those that are bundled or can be downloaded."""
    from zoo.data.datasets import DATASETS, datasets_in
    from zoo.data.synthetic import KINDS

    there = {} if data_dir is None else datasets_in(data_dir)
    return {
        **{name: NamedEntry(f"{layout}, in {data_dir}") for name, layout in there.items()},
        **{name: NamedEntry(summary) for name, summary in DATASETS.items()},
        **{kind.EXAMPLE: NamedEntry(f"drawn: {kind.SUMMARY}") for kind in KINDS.values()},
    }


def list_corruptions() -> dict[str, NamedEntry]:
    """Return the corruptions of training labels and images by name, then the common corruptions."""
    from zoo.corruptions import COMMON_CORRUPTIONS, CORRUPTIONS

    shifts = {name: f"{summary}; a shift, of severity 1 to 5" for name, summary in COMMON_CORRUPTIONS.items()}
    return {name: NamedEntry(summary) for name, summary in (CORRUPTIONS | shifts).items()}


def list_entries(
    what: What, data_dir: Path | None
) -> Mapping[str, SuiteEntry] | Mapping[str, MeasureEntry] | Mapping[str, NamedEntry]:
    """Return the entries of one kind by name; `data_dir` holds data sets beside the bundled ones."""
    match what:
        case "suites":
            return list_suites()
        case "measures":
            return list_measures()
        case "datasets":
            return list_datasets(data_dir)
        case "corruptions":
            return list_corruptions()
