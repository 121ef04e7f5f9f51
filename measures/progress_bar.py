"""A progress bar of scoring, weighted by the expected cost of each measure."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from measures.cost_estimates import CostEstimate

LEAST = 0.05  # seconds that a measure counts at least, so that unknown ones move the bar
WORTH = 2.0  # expected seconds from which a bar is shown unasked


class Bar:
    """The bar of one call of `score`: measures done, the one that runs, seconds spent and expected."""

    def __init__(self, cost: CostEstimate, bar: "tqdm[None]") -> None:
        self._cost = cost
        self._bar = bar

    def start(self, name: str) -> None:
        """Show the measure that begins."""
        self._bar.set_postfix_str(name)

    def finish(self, name: str) -> None:
        """Move on by the expected cost of a measure."""
        self._bar.update(weight(self._cost, name))


def weight(cost: CostEstimate, name: str) -> float:
    """Share of a measure in the bar, in expected seconds."""
    return max(LEAST, cost.added.get(name, 0.0))


@contextmanager
def open_bar(cost: CostEstimate, *, shown: bool | None) -> Iterator[Bar]:
    """Show a bar while the block runs; where `shown` is None, if it will take seconds and somebody sees it."""
    names = [*cost.added, *cost.unknown]
    if shown is None:
        shown = cost.seconds >= WORTH and (sys.stderr.isatty() or "ipykernel" in sys.modules)
    text = f"{len(names)} measures, about {cost.seconds:.2g} s"
    form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    with tqdm(total=sum(weight(cost, name) for name in names), desc=text, bar_format=form, disable=not shown) as bar:
        yield Bar(cost, bar)
