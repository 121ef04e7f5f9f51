"""What a network and its data must be before any measure sees them; every refusal says what was given."""

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor, nn

HALF: Final = (torch.float16, torch.bfloat16)  # scored in float32, to which they convert exactly


def require_tensors(**given: object) -> None:
    """Refuse what is no tensor.

    Raises:
        ValueError: names the first that is none.
    """
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a tensor; got a {type(value).__name__}.")  # noqa: TRY004  as for shapes


def place_of(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """The device and the dtype that a network is scored on and in: its own, and float32 for half precision.

    Raises:
        ValueError: it has no parameters, none that hold numbers, or none of a known floating dtype.
    """
    reference = next(model.parameters(), None)
    if reference is None:
        raise ValueError("The network must have parameters; got none.")
    if reference.is_meta:
        raise ValueError("The network must have weights; got parameters on the meta device, which hold none.")
    if reference.dtype not in (torch.float32, torch.float64, *HALF):
        raise ValueError(f"The network must have floating-point weights of 16 bits or more; got {reference.dtype}.")
    return reference.device, torch.float32 if reference.dtype in HALF else reference.dtype


def fitting_state(params: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state at initialization on the device and in the dtype of the trained parameters.

    Raises:
        ValueError: a parameter is missing from it or of another shape there.
    """
    reference = next(iter(params.values()))
    for name, param in params.items():
        if name not in state:
            raise ValueError(f"init_state must hold every parameter; {name!r} is missing.")
        if state[name].shape != param.shape:
            raise ValueError(
                f"init_state[{name!r}] must have shape {tuple(param.shape)}; got {tuple(state[name].shape)}."
            )
    moved = {name: value.detach().to(reference.device) for name, value in state.items()}
    return {name: v.to(reference.dtype) if v.is_floating_point() else v for name, v in moved.items()}


def classes_of(inputs: Tensor, labels: Tensor, logits_of: Callable[[Tensor], object]) -> int:
    """The number of classes that the network tells apart, of data that fit it and each other.

    Raises:
        ValueError: they do not fit.
    """
    if len(inputs) != len(labels) or len(inputs) == 0:
        raise ValueError(
            f"inputs and labels must have the same length, at least one; got {len(inputs)} and {len(labels)}."
        )
    if labels.dtype != torch.int64 or labels.dim() != 1:
        raise ValueError(f"labels must be int64 of shape [n]; got {labels.dtype} of shape {tuple(labels.shape)}.")
    if first_not_finite({"inputs": inputs}):
        raise ValueError(f"inputs must be finite numbers in {inputs.dtype}; got NaN or infinity among them.")
    with torch.no_grad():
        logits = logits_of(inputs[:1])
    if not isinstance(logits, Tensor):
        raise ValueError(  # noqa: TRY004  as for every other network that does not fit
            f"The network must return logits [n, k]; got a {type(logits).__name__}. Wrap it so that it returns them."
        )
    if logits.dim() != 2:  # noqa: PLR2004  examples by classes
        raise ValueError(f"The network must return logits [n, k]; got shape {tuple(logits.shape)}.")
    num_classes = logits.shape[1]
    if num_classes < 2:  # noqa: PLR2004  there is no margin, and the cross-entropy is zero whatever the weights
        raise ValueError(
            f"The network must return a logit for each of at least two classes; got {num_classes}. A binary classifier "
            "of one logit z is one of two: torch.cat([torch.zeros_like(z), z], 1)."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise ValueError(f"labels must lie in 0 to {num_classes - 1}; got {low} to {high}.")
    return num_classes


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds NaN or infinity."""
    return next((name for name, value in tensors.items() if not _is_finite(value)), None)


def _is_finite(value: Tensor) -> bool:
    """Whether it holds neither: a finite sum says so without a copy; one that is not may be that of large numbers."""
    return bool(value.sum().isfinite()) or bool(value.isfinite().all())
