"""Check that a network and its data can be scored, and refuse them with a reason otherwise."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import CheckpointFunction

from measures.autograd_graph import leaves as graph_leaves
from measures.autograd_graph import nodes as graph_nodes
from measures.errors import InvalidSubjectError

HALF: Final = (torch.float16, torch.bfloat16)  # scored in float32, to which they convert exactly
BATCH: Final = 8  # examples that are tried together and one by one
BATCH_TOLERANCE: Final = 0.02  # of the largest logit: rounding moves less, and the statistics of a batch more
SUM_TOLERANCE: Final = 1e-3  # half precision sums probabilities to one within this
RECOMPUTED: Final = (
    "activations are recomputed in its backward pass, which would use other weights than the forward pass. Switch "
    "activation checkpointing off before scoring."
)


def dense_copy(name: str, value: object) -> Tensor:
    """The tensor without its autograd history.

    Raises:
        InvalidSubjectError: it is not a dense tensor of real numbers.
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
    _check_parts(model)
    reference = next(model.parameters())
    if reference.dtype not in (torch.float32, torch.float64, *HALF):
        raise InvalidSubjectError(
            f"The network must have floating-point weights of 16 bits or more; got {reference.dtype}."
        )
    return reference.device, torch.float32 if reference.dtype in HALF else reference.dtype


def _check_parts(model: nn.Module) -> None:
    """Refuse parameters without values or of complex numbers, recomputed parameters, and scripted modules."""
    parameters = dict(model.named_parameters())
    if not parameters:
        raise InvalidSubjectError("The network must have parameters; got none.")
    for name, value in [*parameters.items(), *model.named_buffers()]:
        if value.is_meta or nn.parameter.is_lazy(value):
            where = "on the meta device" if value.is_meta else "of a shape that no input has decided yet"
            raise InvalidSubjectError(f"The network must have weights; got {name!r} {where}, which holds none.")
        if value.is_complex() and name in parameters:
            raise InvalidSubjectError(
                f"The network must have real parameters; got complex {name!r}. Store it as pairs of real numbers and "
                "use torch.view_as_complex in the forward pass."
            )
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise InvalidSubjectError(
                f"The network must not contain scripted or traced modules, whose operations cannot be seen; got "
                f"{name!r}. Put the module that was scripted in its place."
            )
        made = [key for key, value in vars(module).items() if isinstance(value, Tensor)]
        if made and module._forward_pre_hooks:  # noqa: SLF001  torch has no other way to ask
            raise InvalidSubjectError(
                f"The network must hold its weights; got {made[0]!r} of {name!r}, which every forward pass recomputes. "
                "Use torch.nn.utils.parametrizations, or make it permanent (remove_weight_norm, prune.remove)."
            )


@contextmanager
def autocast_disabled() -> Iterator[None]:
    """Disable autocast, so that every product is in the dtype of its operands."""
    with ExitStack() as stack:
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


def as_inputs(network: nn.Module, inputs: Tensor, dtype: torch.dtype) -> Tensor:
    """Inputs in the dtype of the network, or token ids as they are.

    Integers of 32 or 64 bits are token ids if the network does not take real numbers or has no gradient by them.

    Raises:
        InvalidSubjectError: images of bytes.
    """
    require_no_bytes("inputs", inputs)
    real = inputs.to(dtype)
    if inputs.dtype not in (torch.int32, torch.int64) or not len(inputs):
        return real
    with autocast_disabled(), torch.enable_grad():
        example = real[:1].clone().requires_grad_()
        try:
            logits = network(example)
            (slope,) = torch.autograd.grad(logits.sum(), [example], allow_unused=True)
        except Exception:  # noqa: BLE001  whatever a network of tokens makes of real numbers
            slope = None
    return inputs if slope is None and _takes(network, inputs[:1]) else real


def require_no_bytes(name: str, images: Tensor) -> None:
    """Refuse images of bytes.

    Raises:
        InvalidSubjectError: they are of uint8.
    """
    if images.dtype == torch.uint8:
        raise InvalidSubjectError(
            f"{name} must be normalised as the network expects them; got bytes (uint8). Convert and normalise "
            "the images as for training."
        )


def _takes(network: nn.Module, example: Tensor) -> bool:
    try:
        network(example)
    except Exception:  # noqa: BLE001  whatever a network of real numbers makes of tokens
        return False
    return True


def check_network(network: nn.Module, inputs: Tensor, dtype: torch.dtype, owner: str = "The network") -> int:
    """Number of logits k of a network that can be scored on `inputs` [n, ...].

    Raises:
        InvalidSubjectError: it fails on them, modifies them or returns something else than logits [n, k]; or its logits
            are random, depend on the rest of the batch, or cannot be differentiated.
    """
    batch = _distinct(inputs)
    if batch.is_floating_point():  # with a history, so that checkpoints which need one are seen
        batch = batch.requires_grad_()
    with torch.enable_grad():
        batch = batch.clone()
    written, chance = batch._version, torch.get_rng_state()  # noqa: SLF001  torch's count of writes has no other name
    leaves = {name: p.detach().requires_grad_() for name, p in network.named_parameters()}
    with autocast_disabled(), torch.enable_grad(), torch.random.fork_rng([inputs.device] if inputs.is_cuda else []):
        started = torch.cuda.get_rng_state(inputs.device) if inputs.is_cuda else chance
        try:
            with torch.autograd.graph.disable_saved_tensors_hooks(RECOMPUTED):
                logits = functional_call(network, leaves, (batch,))
            _check_kept(logits, owner)
            with torch.no_grad():
                alone = [functional_call(network, leaves, (x,)) for x in batch.detach().split(1)]
        except InvalidSubjectError:
            raise
        except Exception as fault:
            if RECOMPUTED in str(fault):
                raise InvalidSubjectError(f"{owner} cannot be scored: {RECOMPUTED}") from fault
            raise InvalidSubjectError(
                f"{owner} must take inputs of shape {('n', *inputs.shape[1:])} in {inputs.dtype}; "
                f"it raised {type(fault).__name__}: {fault}"
            ) from fault
        ended = torch.cuda.get_rng_state(inputs.device) if inputs.is_cuda else chance
        drew = not (torch.equal(started, ended) and torch.equal(chance, torch.get_rng_state()))
    _check_shape(logits, alone, dtype, owner)
    if batch._version != written:  # noqa: SLF001  as above
        raise InvalidSubjectError(f"{owner} modifies its inputs. Start its forward pass with x = x.clone().")
    if drew:
        raise InvalidSubjectError(
            f"{owner} is random in eval mode. Use nn.Dropout modules instead of F.dropout, so that eval() disables "
            "them."
        )
    _check_independence(logits, alone, owner)
    _check_no_softmax(network, batch.detach(), logits.detach(), owner)
    reached = {id(leaf) for leaf in graph_leaves(logits.grad_fn)}
    if not any(id(leaf) in reached for leaf in leaves.values()):
        raise InvalidSubjectError(f"{owner} must be differentiable; its logits are detached from its parameters.")
    return int(logits.shape[1])


def _check_kept(logits: object, owner: str) -> None:
    """Refuse reentrant activation checkpointing."""
    start = getattr(logits, "grad_fn", None)
    if any(getattr(node, "_forward_cls", None) is CheckpointFunction for node in graph_nodes(start)):
        raise InvalidSubjectError(f"{owner} cannot be scored: {RECOMPUTED}")


def _distinct(inputs: Tensor) -> Tensor:
    """Up to BATCH examples spread over `inputs` [n, ...]; if all of them are equal, another one of other numbers."""
    n = len(inputs)
    batch = inputs[torch.linspace(0, n - 1, min(n, BATCH)).round().long()]
    if len(batch) > 1 and bool((batch != batch[:1]).any()):
        return batch
    other = batch[:1] + 1 if batch.is_floating_point() else torch.where(batch[:1] == 0, batch[:1], batch[:1] - 1)
    return torch.cat([batch[:1], other])


def _check_shape(logits: object, alone: list[Any], dtype: torch.dtype, owner: str) -> None:
    """Refuse what is not one row of logits an example."""
    if not isinstance(logits, Tensor):
        raise InvalidSubjectError(
            f"{owner} must return logits [n, k]; got a {type(logits).__name__}. Wrap it so that it returns them."
        )
    if logits.dim() != 2 or (len(logits), len(alone[0])) != (len(alone), 1):  # noqa: PLR2004  [n, k]
        raise InvalidSubjectError(
            f"{owner} must return logits [n, k]; got shape {tuple(logits.shape)} for n = {len(alone)}."
        )
    if logits.dtype != dtype:
        raise InvalidSubjectError(f"{owner} must return logits in {dtype}, as its weights are; got {logits.dtype}.")


def _check_independence(logits: Tensor, alone: list[Tensor], owner: str) -> None:
    """Refuse logits of an example that depend on what else is in the batch."""
    single = torch.cat(alone)
    apart, size = (logits.detach() - single).abs().amax(1), single.abs().amax(1)
    wrong = apart.isfinite() & (apart > BATCH_TOLERANCE * size)
    if bool(wrong.any()):
        raise InvalidSubjectError(
            f"{owner} must give an example the same logits in every batch; they differ by {float(apart[wrong][0]):.3g} "
            f"between a batch of one and of {len(alone)}. Batch norm with track_running_stats=False does that."
        )


def _check_no_softmax(network: nn.Module, batch: Tensor, logits: Tensor, owner: str) -> None:
    """Refuse probabilities: rows that vary and sum to one, also on inputs that no network was fitted to."""
    if _are_probabilities(logits) and bool((logits != logits[:1]).any()):
        elsewhere = -2 * batch.flip(0) if batch.is_floating_point() else batch.flip(0)
        with torch.no_grad(), autocast_disabled():
            if _are_probabilities(network(elsewhere)):
                raise InvalidSubjectError(
                    f"{owner} must return logits; its outputs are probabilities, which sum to one for every example. "
                    "Leave out the softmax at its end."
                )


def _are_probabilities(rows: Tensor) -> bool:
    return bool((rows >= 0).all()) and bool(((rows.double().sum(1) - 1).abs() < SUM_TOLERANCE).all())


def check_data(inputs: Tensor, labels: Tensor, unlabeled: Tensor | None) -> None:
    """Refuse data that do not fit together.

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
        raise InvalidSubjectError(f"inputs must be finite in {inputs.dtype}; they contain NaN or Inf.")
    if unlabeled is not None and (unlabeled.shape[1:] != inputs.shape[1:] or len(unlabeled) == 0):
        shape = ("m", *inputs.shape[1:])
        raise InvalidSubjectError(f"unlabeled must have shape {shape}, m at least one; got {tuple(unlabeled.shape)}.")


def check_classes(labels: Tensor, num_classes: int) -> None:
    """Refuse a network of a single logit, and labels without a logit.

    Raises:
        InvalidSubjectError: the message says which.
    """
    if num_classes < 2:  # noqa: PLR2004  there is no margin, and the cross-entropy is zero whatever the weights
        raise InvalidSubjectError(
            f"The network must return a logit for each of at least two classes; got {num_classes}. Turn the single "
            "logit z of a binary classifier into two: torch.cat([torch.zeros_like(z), z], 1)."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= num_classes:
        raise InvalidSubjectError(f"labels must lie in 0 to {num_classes - 1}; got {low} to {high}.")


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that contains NaN or Inf."""
    return next((name for name, value in tensors.items() if not _is_finite(value)), None)


def _is_finite(value: Tensor) -> bool:
    """Whether it contains neither. A finite sum shows it without a copy; an infinite one may be of large numbers."""
    return bool(value.sum().isfinite()) or bool(value.isfinite().all())
