"""Estimate what scoring costs before it begins, from the measured costs of the catalogue and one timed pass.

The table `costs.csv` holds the cost of each measure and each shared pass as a fixed part in seconds, which is what many
small calls cost on any network, and a part in passes: one pass is the time of a forward and a backward pass of the
network over its training data. `python -m harness.reports.cost_table` measures it.
"""

import csv
import functools
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Literal

import torch
from torch.nn.functional import cross_entropy

from measures.api import CHUNK, Measure, Subject

TABLE: Final = "costs.csv"
COLUMNS: Final = ("kind", "name", "seconds", "passes", "uses")
REPEATS: Final = 3  # timings of a pass, of which the least counts

Kind = Literal["measure", "pass"]


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a measure or a shared pass, without that of the shared passes it uses.

    Attributes:
        seconds: the part that does not depend on the network.
        passes: the other part, in passes over the training data.
        uses: of a measure, the names of all shared passes behind it.
    """

    seconds: float
    passes: float
    uses: frozenset[str]

    def on(self, pass_seconds: float) -> float:
        """Seconds on a network of which a pass takes `pass_seconds`."""
        return self.seconds + self.passes * pass_seconds


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What scoring is expected to cost on one network.

    Attributes:
        added: seconds that each measure adds to those before it, by name: a pass that several share counts once.
        alone: seconds of each measure by itself, by name.
        unknown: measures of which nothing is known: submitted ones, and those that train networks.
    """

    added: Mapping[str, float]
    alone: Mapping[str, float]
    unknown: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """The sum, without the measures of which nothing is known."""
        return sum(self.added.values())

    def __str__(self) -> str:
        """State the sum and the most expensive measures."""
        dearest = sorted(self.alone, key=self.alone.__getitem__, reverse=True)[:5]
        parts = ", ".join(f"{name} {self.alone[name]:.2g} s" for name in dearest)
        unknown = f"; nothing is known of {', '.join(self.unknown)}" if self.unknown else ""
        return f"{len(self.alone)} measures, about {self.seconds:.2g} s (alone: {parts}){unknown}"


def estimate_cost(subject: Subject, chosen: Iterable[Measure]) -> CostEstimate:
    """Estimate the seconds of these measures on this network, in their order; measures without their needs cost none.

    docs/performance.md says how near estimates came.
    """
    table = read_costs()
    pass_seconds = time_pass(subject)
    added, alone, unknown, done = {}, {}, [], set[str]()
    for measure in chosen:
        if not measure.needs <= subject.given_needs:
            added[measure.name] = alone[measure.name] = 0.0
            continue
        cost = table.get(("measure", measure.name))
        if cost is None:
            unknown.append(measure.name)
            continue
        shared = {name: table["pass", name].on(pass_seconds) for name in cost.uses}
        alone[measure.name] = cost.on(pass_seconds) + sum(shared.values())
        added[measure.name] = cost.on(pass_seconds) + sum(shared[name] for name in shared.keys() - done)
        done |= set(shared)
    return CostEstimate(added, alone, tuple(unknown))


def time_pass(subject: Subject) -> float:
    """Seconds of a forward and backward pass over the training data, from the quickest of some on one chunk."""
    inputs, labels = subject.inputs[:CHUNK], subject.labels[:CHUNK]
    seconds = []
    with torch.enable_grad():
        for _ in range(REPEATS):
            params = {name: p.detach().requires_grad_() for name, p in subject.params.items()}
            start = time.perf_counter()
            loss = cross_entropy(subject.forward(params, inputs), labels)
            torch.autograd.grad(loss, list(params.values()), materialize_grads=True)
            if subject.device.type == "cuda":
                torch.cuda.synchronize(subject.device)
            seconds.append(time.perf_counter() - start)
    return min(seconds) * subject.num_examples / len(inputs)


@functools.cache
def read_costs() -> dict[tuple[Kind, str], Cost]:
    """Read the table of costs; empty where there is none."""
    table = files("measures").joinpath(TABLE)
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8") as file:
        return {
            ("pass" if row["kind"] == "pass" else "measure", row["name"]): Cost(
                float(row["seconds"]), float(row["passes"]), frozenset(row["uses"].split())
            )
            for row in csv.DictReader(file)
        }


def format_costs(costs: Mapping[tuple[Kind, str], Cost]) -> str:
    """Format costs as CSV, sorted; three digits."""
    lines = [",".join(COLUMNS)]
    for (kind, name), cost in sorted(costs.items()):
        lines.append(f"{kind},{name},{cost.seconds:.3g},{cost.passes:.3g},{' '.join(sorted(cost.uses))}")
    return "\n".join(lines) + "\n"
