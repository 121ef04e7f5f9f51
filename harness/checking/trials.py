"""What a submitted measure is tried on: networks and data, each with what is to be observed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch

from harness.checking.changes import CHANGES
from harness.checking.networks import ARCHITECTURES, Network, network
from harness.checking.zoo import CheckZoo

# One of each kind: plain, batch norm, attention. What holds for them all holds for their relatives.
KINDS: Final = ("mlp", "conv_bn", "vit")
SMALL_CHUNK: Final = 7  # examples: no divisor of the number of examples


@dataclass(frozen=True, slots=True)
class Trial:
    """One subject on which every measure of a file is computed.

    Attributes:
        key: what is tried, such as ("contract", "mlp", "order").
        parts: what its `measures.Subject` is made of, by name; a check trains nothing anew.
        chunk: examples a forward pass, where it is not what the passes choose.
        again: whether to compute twice, each measure on a subject of its own, and to look for what it leaves behind.
    """

    key: tuple[str, ...]
    parts: dict[str, Any]
    chunk: int | None = None
    again: bool = False


def contract_trials() -> Iterator[Trial]:
    """Every family of networks; and chunks, order and float32 of one of each kind."""
    for name in ARCHITECTURES:
        yield Trial(("contract", name, "plain"), _parts(network(name)), again=True)
    for name in KINDS:
        data = network(name)
        order = torch.randperm(len(data.labels), generator=torch.Generator().manual_seed(0))
        yield Trial(("contract", name, "order"), _parts(data, order=order))
        yield Trial(("contract", name, "batch size"), _parts(data), chunk=SMALL_CHUNK)
        yield Trial(("contract", name, "float32"), _parts(data, dtype=torch.float32))


def card_trials() -> Iterator[Trial]:
    """Before and after each change of the invariance card; what many changes start from is tried once."""
    known: set[str] = set()
    for change, (_, before, after) in CHANGES.items():
        start: Network = before()
        if start.name not in known and start.name not in ARCHITECTURES:
            yield Trial(("card", start.name, "before"), _parts(start))
            known.add(start.name)
        yield Trial(("card", change, "after"), _parts(after(start)))


def zoo_trials(zoo: CheckZoo) -> Iterator[Trial]:
    """The networks of the check zoo, those of one seed first: half of them are a whole grid."""
    for run_id in zoo.by_seed():
        yield Trial(("zoo", run_id), zoo.parts(run_id))


def _parts(data: Network, **options: Any) -> dict[str, Any]:
    """All that a check shows: no network is trained anew for it, which would take more than its minute."""
    return {name: value for name, value in data.parts(**options).items() if name != "refit"}
