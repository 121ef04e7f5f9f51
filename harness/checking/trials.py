"""Trials of a submitted measure: networks and data, and how scores are computed on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from harness.checking.changes import CHANGES
from harness.checking.networks import ARCHITECTURES, Network, network
from harness.checking.zoo import CheckZoo
from harness.sandbox.submission import Parts

# One of each kind: plain, batch norm, attention.
KINDS: Final = ("mlp", "conv_bn", "vit")
SMALL_CHUNK: Final = 7  # examples: no divisor of the number of examples


@dataclass(frozen=True, slots=True)
class Trial:
    """One subject on which every measure of a file is computed.

    Attributes:
        key: name, such as ("contract", "mlp", "order").
        parts: of the subject.
        chunk: examples per forward pass; None for the default.
        again: whether to compute each measure twice, alone, and look for side effects.
    """

    key: tuple[str, ...]
    parts: Parts
    chunk: int | None = None
    again: bool = False


def contract_trials() -> Iterator[Trial]:
    """Yield every family of networks, and batch sizes, order and float32 for one of each kind."""
    for name in ARCHITECTURES:
        yield Trial(("contract", name, "plain"), parts_of(network(name)), again=True)
    for name in KINDS:
        data = network(name)
        order = torch.randperm(len(data.labels), generator=torch.Generator().manual_seed(0))
        yield Trial(("contract", name, "order"), parts_of(data, order=order))
        yield Trial(("contract", name, "batch size"), parts_of(data), chunk=SMALL_CHUNK)
        yield Trial(("contract", name, "float32"), parts_of(data, dtype=torch.float32))


def card_trials() -> Iterator[Trial]:
    """Yield the networks before and after each change of the invariances; a common start is tried once."""
    known: set[str] = set()
    for change, (_, before, after) in CHANGES.items():
        start: Network = before()
        if start.name not in known and start.name not in ARCHITECTURES:
            yield Trial(("card", start.name, "before"), parts_of(start))
            known.add(start.name)
        yield Trial(("card", change, "after"), parts_of(after(start)))


def zoo_trials(zoo: CheckZoo) -> Iterator[Trial]:
    """Yield the networks of the check zoo, one seed first: its networks are a whole grid."""
    for run_id in zoo.by_seed():
        yield Trial(("zoo", run_id), zoo.parts(run_id))


def parts_of(data: Network, *, dtype: torch.dtype = torch.float64, order: Tensor | None = None) -> Parts:
    """Return the arguments of a subject without `refit`: training networks would take more than a minute."""
    return Parts(**{name: value for name, value in data.parts(dtype=dtype, order=order).items() if name != "refit"})
