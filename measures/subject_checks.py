"""What a network and its data must be before any measure sees them; every refusal says what was given."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from measures.errors import InvalidSubjectError
from measures.training_history import Trajectory

HALF: Final = (torch.float16, torch.bfloat16)  # scored in float32, to which they convert exactly
ALIKE: Final = 0.02  # of the largest logit: rounding moves less, and the statistics of a batch more


def dense_copy(name: str, value: object) -> Tensor:
    """The same tensor, beyond the reach of its caller's autograd.

    Raises:
        InvalidSubjectError: it is none, or none that holds one real number after another.
    """
    if not isinstance(value, Tensor):
        raise InvalidSubjectError(f"{name} must be a tensor; got a {type(value).__name__}.")
    if value.layout != torch.strided or value.is_meta or value.is_complex():
        what = "complex numbers" if value.is_complex() else "the meta device" if value.is_meta else f"{value.layout}"
        raise InvalidSubjectError(f"{name} must be a dense tensor of real numbers; got {what}.")
    return value.clone() if value.is_inference() else value.detach()


def device_and_dtype(model: nn.Module) -> tuple[torch.device, torch.dtype]:
    """The device and the dtype that a network is scored on and in: its own, and float32 for half precision.

    Raises:
        InvalidSubjectError: it is no differentiable module, has no parameters, has parameters without values or of an
            unknown floating dtype, or recomputes a parameter in every forward pass.
    """
    if torch.is_inference_mode_enabled():
        raise InvalidSubjectError(
            "A network must be scored outside of torch.inference_mode, in which nothing has a gradient."
        )
    if not isinstance(model, nn.Module) or isinstance(model, torch.jit.ScriptModule):
        raise InvalidSubjectError(
            f"The network must be a torch.nn.Module, not scripted or traced; got a {type(model).__name__}."
        )
    state = list(model.named_parameters())
    if not state:
        raise InvalidSubjectError("The network must have parameters; got none.")
    for name, value in [*state, *model.named_buffers()]:
        if value.is_meta or nn.parameter.is_lazy(value):
            where = "on the meta device" if value.is_meta else "of a shape that no input has decided yet"
            raise InvalidSubjectError(f"The network must have weights; got {name!r} {where}, which holds none.")
    for name, module in model.named_modules():
        made = [key for key, value in vars(module).items() if isinstance(value, Tensor)]
        if made and module._forward_pre_hooks:  # noqa: SLF001  torch has no other way to ask
            raise InvalidSubjectError(
                f"The network must hold its weights; got {made[0]!r} of {name!r}, which every pass makes anew. Make it "
                "by torch.nn.utils.parametrizations, or make it last (remove_weight_norm, prune.remove)."
            )
    reference = state[0][1]
    if reference.dtype not in (torch.float32, torch.float64, *HALF):
        raise InvalidSubjectError(
            f"The network must have floating-point weights of 16 bits or more; got {reference.dtype}."
        )
    return reference.device, torch.float32 if reference.dtype in HALF else reference.dtype


def frozen_copy(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """A copy in eval mode that requires no gradients."""
    held = (value for module in network.modules() for value in vars(module).values() if isinstance(value, Tensor))
    left_over = {id(value): value.detach() for value in held if not value.is_leaf}  # from a pass: no copy is made of it
    copied = copy.deepcopy(network, left_over).eval()
    copied.requires_grad_(requires_grad=False)
    return copied.to(device, dtype)


@contextmanager
def autocast_disabled() -> Iterator[None]:
    """Every product in the dtype of its operands, whatever autocast the caller is in."""
    with ExitStack() as stack:
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


def check_network(network: nn.Module, inputs: Tensor, owner: str = "The network") -> int:
    """How many logits [n, k] a network gives to `inputs` [n, ...], of a network that can be scored on them.

    Raises:
        InvalidSubjectError: it fails on them, modifies them or returns something else; or its logits are random,
            depend on the rest of the batch, or have no gradient.
    """
    ends = inputs[[0, -1]]
    written, chance = ends._version, torch.get_rng_state()  # noqa: SLF001  torch's count of writes has no other name
    leaves = {name: p.detach().requires_grad_() for name, p in network.named_parameters()}
    with autocast_disabled(), torch.enable_grad(), torch.random.fork_rng([inputs.device] if inputs.is_cuda else []):
        started = torch.cuda.get_rng_state(inputs.device) if inputs.is_cuda else chance
        try:
            both, alone = (functional_call(network, leaves, (x,)) for x in (ends, ends[:1]))
        except Exception as fault:
            raise InvalidSubjectError(
                f"{owner} must take inputs of shape {('n', *inputs.shape[1:])} in {inputs.dtype}; "
                f"it raised {type(fault).__name__}: {fault}"
            ) from fault
        ended = torch.cuda.get_rng_state(inputs.device) if inputs.is_cuda else chance
        drew = not (torch.equal(started, ended) and torch.equal(chance, torch.get_rng_state()))
    if not isinstance(both, Tensor):
        raise InvalidSubjectError(
            f"{owner} must return logits [n, k]; got a {type(both).__name__}. Wrap it so that it returns them."
        )
    if both.dim() != 2 or (len(both), len(alone)) != (2, 1):  # noqa: PLR2004  [n, k]
        raise InvalidSubjectError(
            f"{owner} must return logits [n, k]; got shape {tuple(both.shape)} for n = {len(ends)}."
        )
    if both.dtype != inputs.dtype:
        raise InvalidSubjectError(
            f"{owner} must return logits in {inputs.dtype}, as its weights are; got {both.dtype}."
        )
    if ends._version != written:  # noqa: SLF001  as above
        raise InvalidSubjectError(
            f"{owner} must leave its inputs as they are; it writes on them. Let it begin with x.clone()."
        )
    if drew:
        raise InvalidSubjectError(
            f"{owner} must answer alike in eval mode; it draws random numbers. Is its dropout a module?"
        )
    if not both.requires_grad:
        raise InvalidSubjectError(f"{owner} must be differentiable; its logits are detached from its parameters.")
    apart = (both[0] - alone[0]).detach().abs().max()
    if bool(apart.isfinite()) and bool(apart > ALIKE * alone.abs().max()):
        raise InvalidSubjectError(
            f"{owner} must answer an example alike whatever is beside it; its logits differ by {float(apart):.3g} "
            "between a batch of one and of two. A batch norm that tracks no statistics does that."
        )
    return both.shape[1]


def check_data(inputs: Tensor, labels: Tensor, unlabeled: Tensor | None) -> None:
    """Refuse data that do not fit each other.

    Raises:
        InvalidSubjectError: the message says which.
    """
    if inputs.dim() < 2:  # noqa: PLR2004  what an example is made of
        raise InvalidSubjectError(f"inputs must have shape [n, ...], as [n, c, h, w]; got {tuple(inputs.shape)}.")
    if len(inputs) != len(labels) or len(inputs) == 0:
        raise InvalidSubjectError(
            f"inputs and labels must have the same length, at least one; got {len(inputs)} and {len(labels)}."
        )
    if labels.dtype != torch.int64 or labels.dim() != 1:
        raise InvalidSubjectError(
            f"labels must be int64 of shape [n]; got {labels.dtype} of shape {tuple(labels.shape)}."
        )
    if first_not_finite({"inputs": inputs}):
        raise InvalidSubjectError(f"inputs must be finite numbers in {inputs.dtype}; got NaN or infinity among them.")
    if unlabeled is not None and (unlabeled.shape[1:] != inputs.shape[1:] or len(unlabeled) == 0):
        shape = ("m", *inputs.shape[1:])
        raise InvalidSubjectError(f"unlabeled must have shape {shape}, m at least one; got {tuple(unlabeled.shape)}.")


def check_classes(labels: Tensor, num_classes: int) -> None:
    """Refuse a network of one logit, and labels beyond its logits.

    Raises:
        InvalidSubjectError: the message says which.
    """
    if num_classes < 2:  # noqa: PLR2004  there is no margin, and the cross-entropy is zero whatever the weights
        raise InvalidSubjectError(
            f"The network must return a logit for each of at least two classes; got {num_classes}. A binary classifier "
            "of one logit z is one of two: torch.cat([torch.zeros_like(z), z], 1)."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise InvalidSubjectError(f"labels must lie in 0 to {num_classes - 1}; got {low} to {high}.")


def check_state(params: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state at initialization on the device and in the dtype of the trained parameters.

    Raises:
        InvalidSubjectError: a parameter is missing from it, of another shape there, or no floating-point tensor.
    """
    reference = next(iter(params.values()))
    _require_all(params, state, "init_state")
    moved = {name: v.detach().to(reference.device) for name, v in state.items() if isinstance(v, Tensor)}
    return {name: v.to(reference.dtype) if v.is_floating_point() else v for name, v in moved.items()}


def check_checkpoints(params: Mapping[str, Tensor], past: Trajectory) -> None:
    """Refuse checkpoints of another network.

    Raises:
        InvalidSubjectError: a parameter is missing from one or of another shape there; the message says which.
    """
    for kept in past.checkpoints:
        _require_all(params, kept.params, f"checkpoint {kept.step}")


def _require_all(params: Mapping[str, Tensor], state: Mapping[str, Tensor], owner: str) -> None:
    """Refuse a state in which a parameter is missing, of another shape or no floating-point tensor."""
    for name, param in params.items():
        if name not in state:
            raise InvalidSubjectError(f"{owner} must hold every parameter; {name!r} is missing.")
        value = dense_copy(f"{owner}[{name!r}]", state[name])
        if value.shape != param.shape:
            raise InvalidSubjectError(
                f"{owner}[{name!r}] must have shape {tuple(param.shape)}; got {tuple(value.shape)}."
            )
        if not value.is_floating_point():
            raise InvalidSubjectError(f"{owner}[{name!r}] must hold floating-point numbers; got {value.dtype}.")


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds NaN or infinity."""
    return next((name for name, value in tensors.items() if not _is_finite(value)), None)


def _is_finite(value: Tensor) -> bool:
    """Whether it holds neither: a finite sum says so without a copy; one that is not may be that of large numbers."""
    return bool(value.sum().isfinite()) or bool(value.isfinite().all())
