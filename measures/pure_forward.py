"""A network as a function of its parameters and buffers, cheap to call."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class PureForward:
    """As `torch.func.functional_call` of one network, whose names it looks up once instead of at every call.

    A small network takes no longer for a forward pass than that function for its names.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._slots: dict[str, list[tuple[dict[str, Any], str]]] = {}  # by name, where the tensor is held
        tied: dict[int, list[tuple[dict[str, Any], str]]] = {}
        known = set[tuple[int, str]]()
        for prefix, module in model.named_modules(remove_duplicate=False):
            held: dict[str, Any]
            for held in (module._parameters, module._buffers):  # noqa: SLF001  what functional_call replaces, too
                for key, tensor in held.items():
                    if tensor is None:
                        continue
                    slots = tied.setdefault(id(tensor), [])
                    if (id(held), key) not in known:
                        known.add((id(held), key))
                        slots.append((held, key))
                    self._slots[f"{prefix}.{key}" if prefix else key] = slots

    def __call__(self, state: Mapping[str, Tensor], *inputs: Tensor) -> Any:
        """Call the network with these tensors in the place of those of the same names and of those tied to them."""
        before: list[tuple[dict[str, Any], str, Any]] = []
        try:
            for name, tensor in state.items():
                for held, key in self._slots.get(name, ()):
                    before.append((held, key, held[key]))
                    held[key] = tensor
            return self._model(*inputs)
        finally:
            for held, key, original in reversed(before):
                held[key] = original
