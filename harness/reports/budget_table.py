"""Find out which measures take gradients or curvature and write `harness/store/budgets.csv`.

python -m harness.reports.budget_table

Every measure that is computed unasked is computed on the small networks of `gapbench check`, until one does not refuse
it, with nothing shared from the other measures, while calls of automatic differentiation are noted.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from unittest.mock import patch

import torch
import torch.autograd.forward_ad
from rich.console import Console

from harness.checking.networks import ARCHITECTURES, network
from harness.store.atomic_write import write_text
from harness.store.budgets import TABLE, format_budgets
from leaderboard.findings.situations import Budget
from measures import Subject, UnsupportedModelError
from measures.api import Measure
from measures.registry import catalog

CURVATURE: Final = "curvature."  # how the passes of Hessian-vector products and of the Gauss-Newton matrix begin


def budget_of(measure: Measure, subject: Subject) -> Budget:
    """Compute a measure on a subject of which nothing is cached, and tell what it took.

    Raises:
        UnsupportedModelError: the measure has no meaning for this network.
    """
    with (
        patch.object(torch.autograd, "grad", wraps=torch.autograd.grad) as grad,
        patch.object(torch.autograd, "backward", wraps=torch.autograd.backward) as backward,
        patch.object(torch.autograd.forward_ad, "make_dual", wraps=torch.autograd.forward_ad.make_dual) as forward,
    ):
        _, usage = measure.evaluate(subject)
    if any(name.startswith(CURVATURE) for name in usage.passes):
        return "curvature"
    return "gradients" if grad.called or backward.called or forward.called else "forward passes"


def find_budgets(networks: Sequence[Callable[[], Subject]], measures: Iterable[Measure]) -> dict[str, Budget]:
    """Tell what each measure takes, on the first network that it does not refuse; without those that all refuse.

    Args:
        networks: each makes a subject of which nothing is cached.
        measures: to compute.
    """
    found: dict[str, Budget] = {}
    for measure in measures:
        for fresh in networks:
            with suppress(UnsupportedModelError):
                found[measure.name] = budget_of(measure, fresh())
                break
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=TABLE)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    unasked = [measure for measure in catalog().values() if not measure.on_request]
    found = find_budgets([network(name).subject for name in ARCHITECTURES], unasked)
    write_text(chosen.output, format_budgets(found))
    refused = sorted({measure.name for measure in unasked} - set(found))
    Console(stderr=True).print(f"{len(found)} measures; refused by all networks: {', '.join(refused) or 'none'}")


if __name__ == "__main__":
    main()
