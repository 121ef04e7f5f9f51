"""The private copy of a network that is scored: unwrapped, in eval mode, in one dtype and without gradients."""

import copy
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.overrides import TorchFunctionMode

from measures.errors import InvalidSubjectError

WRAPPERS: Final = (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)  # the network is at .module
COMPILED: Final = "_orig_mod"  # where torch.compile keeps the network
CHECKPOINTING: Final = ("grad_checkpointing", "gradient_checkpointing")  # switches of timm and transformers


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside DataParallel, an average of torch.optim.swa_utils, or torch.compile."""
    while isinstance(model, nn.Module):
        if isinstance(model, WRAPPERS):
            model = model.module
        elif (inner := dict(model.named_children()).get(COMPILED)) is not None:
            model = inner
        else:
            break
    return model


def frozen_copy(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """A copy in eval mode that requires no gradients, its real tensors in one dtype.

    Parts under torch.compile are those that were compiled, and the switches by which timm and transformers recompute
    activations in the backward pass are off. What the network keeps of earlier passes is copied without its history.

    Raises:
        InvalidSubjectError: it cannot be copied.
    """
    known: dict[int, Any] = {}
    with _DetachKept():
        try:
            for module in reversed(list(network.modules())):
                if (inner := dict(module.named_children()).get(COMPILED)) is not None:
                    known[id(module)] = copy.deepcopy(inner, known)
            copied: nn.Module = copy.deepcopy(network, known)
        except Exception as fault:
            raise InvalidSubjectError(
                f"The network must be copyable, because a private copy is scored; copy.deepcopy raised "
                f"{type(fault).__name__}: {fault}.{_culprit(network)}"
            ) from fault
    for module in copied.modules():
        module._compiled_call_impl = None  # noqa: SLF001  what nn.Module.compile sets
        for switch in CHECKPOINTING:
            if getattr(module, switch, None) is True:
                setattr(module, switch, False)

    def cast(tensor: Tensor) -> Tensor:
        return tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)

    copied.eval().requires_grad_(requires_grad=False)._apply(cast)  # noqa: SLF001  `to` makes complex numbers real
    return copied


class _DetachKept(TorchFunctionMode):
    """Copies tensors with a history, which torch does not copy, without it."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Make the call."""
        del types
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            return args[0].detach()
        return func(*args, **(kwargs or {}))


def _culprit(network: nn.Module) -> str:
    """A sentence on the attribute that cannot be copied."""
    for name, module in network.named_modules():
        for key, value in vars(module).items():
            if key in {"_parameters", "_buffers", "_modules"}:
                continue
            try:
                copy.deepcopy(value)
            except Exception:  # noqa: BLE001  whatever somebody else's object raises
                owner = f"module {name!r}" if name else "the network"
                return f" Remove attribute {key!r} of {owner} before scoring."
    return ""
