"""Measure what the catalogue's measures and their shared passes cost and write `measures/costs.csv`.

python -m harness.reports.cost_table runs/cifar10 runs/digits runs/smoke

Networks are taken evenly from each corruption of the trained zoos, which should be of different sizes. The seconds of
each measure and pass on them are fitted by a fixed part and a part in proportion to the time of a forward and a
backward pass over the training data. Where a network has no twin its initialization stands in: no cost depends on the
weights. Run it on an idle machine.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from rich.console import Console
from scipy.optimize import nnls

import measures
from harness.pipeline.workers import parts_of
from harness.reports.estimator_noise import evenly, task_of
from harness.store.atomic_write import write_text
from harness.store.store import open_store
from measures import Subject
from measures.api import Measure
from measures.cost_estimates import TABLE, Cost, Kind, format_costs, time_pass
from measures.registry import catalog
from measures.scoring import score_subject

DEFAULT: Final = Path(measures.__file__).parent / TABLE
LEAST: Final = 1e-6  # seconds below which a relative error says nothing


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of a measure or pass on one network, and those of a forward and backward pass over its training data."""

    seconds: float
    pass_seconds: float
    uses: frozenset[str]


def time_measures(subject: Subject, chosen: Iterable[Measure]) -> dict[tuple[Kind, str], Timing]:
    """Time these measures and the passes that they use on one network, each without the passes that it uses."""
    unit = time_pass(subject)
    scores = score_subject(subject, chosen)
    own = {**subject.without_data().pass_seconds(), **subject.pass_seconds()}
    found: dict[tuple[Kind, str], Timing] = {}
    for name, score in scores.items():
        if score.value is not None:
            alone = score.seconds - sum(own[used] for used in score.passes)
            found["measure", name] = Timing(max(alone, 0.0), unit, frozenset(score.passes))
            found |= {("pass", used): Timing(own[used], unit, frozenset()) for used in score.passes}
    return found


def fit(timings: Sequence[Timing]) -> Cost:
    """Fit seconds = fixed + passes x pass_seconds, both at least zero, by least squares of the relative error."""
    seconds = np.maximum([timing.seconds for timing in timings], LEAST)
    units = np.array([timing.pass_seconds for timing in timings])
    (fixed, passes), _ = nnls(np.stack([1 / seconds, units / seconds], axis=1), np.ones(len(seconds)))
    return Cost(float(fixed), float(passes), frozenset().union(*(timing.uses for timing in timings)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("zoos", type=Path, nargs="+", help="directories of trained zoos")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT)
    parser.add_argument("--networks", type=int, default=8, help="how many networks of each zoo")
    parser.add_argument("--data-dir", type=Path, default=None, help="folder of data sets")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    timings: dict[tuple[Kind, str], list[Timing]] = defaultdict(list)
    for zoo in chosen.zoos:
        for timed in time_networks(zoo, chosen.networks, chosen.data_dir):
            for key, timing in timed.items():
                timings[key].append(timing)
    write_text(chosen.output, format_costs({key: fit(found) for key, found in timings.items()}))


def time_networks(zoo: Path, count: int, data_dir: Path | None) -> Iterator[dict[tuple[Kind, str], Timing]]:
    """Time the measures that are computed unasked on about `count` networks of a zoo; yields those of one network."""
    console = Console(stderr=True)
    catalogue = [measure for measure in catalog().values() if not measure.on_request]
    with open_store(zoo) as store:
        runs = store.runs()
        networks = evenly(runs, count)
        for done, run in enumerate(networks, 1):
            task = task_of(store, runs, run, data_dir)
            parts = parts_of(replace(task, twin=task.twin or task.initial))
            yield time_measures(parts.subject(), catalogue)
            console.print(f"{zoo.name}: {done} of {len(networks)} networks", highlight=False)


if __name__ == "__main__":
    main()
