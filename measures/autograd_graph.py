"""Walk autograd's graph."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor


def nodes(start: Any, known: Callable[[Any], bool] = lambda _: False) -> Iterator[Any]:
    """Nodes at and below `start`; what lies below those that are `known` is left out."""
    stack, seen = [start], set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        if not known(node):
            stack.extend(following for following, _ in node.next_functions)


def leaves(start: Any) -> Iterator[Tensor]:
    """Tensors at the ends of the graph, such as parameters."""
    return (node.variable for node in nodes(start) if hasattr(node, "variable"))
