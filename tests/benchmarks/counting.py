"""Count what work does, whatever else the machine does: tensor operations, products, bytes, calls, memory."""

import resource
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from measures.api import Subject


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one piece of work.

    Attributes:
        operations: tensor operations that torch was given; views are none.
        products: those of them that multiply matrices or convolve.
        flops: floating-point operations of the products.
        bytes: of the tensors that the operations made.
        calls: of Python's functions.
        peak: most bytes that Python and NumPy held at once beyond what they held before.
    """

    operations: int
    products: int
    flops: int
    bytes: int
    calls: int
    peak: int

    def named(self) -> dict[str, int]:
        """Counts by name, those that are not zero."""
        return {name: count for name, count in asdict(self).items() if count}


class OperationCounter(TorchDispatchMode):
    """Count the tensor operations in its context, those of backward passes included."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.operations = self.products = self.flops = self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation and count it."""
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.operations += 1
            self.bytes += sum(leaf.nbytes for leaf in tree_leaves(out) if isinstance(leaf, Tensor))
        if (formula := flop_registry.get(func._overloadpacket)) is not None:
            self.products += 1
            self.flops += int(formula(*args, **(kwargs or {}), out_val=out))
        return out


def counted(work: Callable[[], object]) -> Counts:
    """Do some work three times: counting its operations, its calls and its memory, each slowed by no other count.

    The work must be the same each time. Caches that it fills belong to the first time, so that call it once before.
    """
    with OperationCounter() as counter:
        work()
    return Counts(counter.operations, counter.products, counter.flops, counter.bytes, calls_of(work), peak_of(work))


def calls_of(work: Callable[[], object]) -> int:
    """Calls of Python's functions during some work."""
    calls = 0

    def called(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls


def peak_of(work: Callable[[], object]) -> int:
    """Most bytes that Python and NumPy held at once during some work; torch's are not among them."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def passes_of(subject: Subject) -> int:
    """Shared passes that a subject has computed."""
    return len(subject._cache.passes)


def seconds_of(work: Callable[[], object], rounds: int = 3) -> float:
    """The least processor time of several rounds on this thread."""
    best = float("inf")
    for _ in range(rounds):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best


def peak_of_process() -> int:
    """Most bytes of memory that this process has ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
