"""Check states of a network at other times, at initialization and at checkpoints, and name them as the network does."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from torch import Tensor

from measures.errors import InvalidSubjectError
from measures.private_copy import COMPILED
from measures.subject_checks import dense_copy
from measures.training_history import Trajectory

PREFIXES: Final = {"module", COMPILED}
NESTED: Final = ("state_dict", "model_state_dict", "model")  # where checkpoints keep the state of a network


def check_state(params: Mapping[str, Tensor], state: Mapping[str, Any], names: Collection[str]) -> dict[str, Tensor]:
    """The state at initialization on the device and in the dtype of the trained parameters, under their names.

    Args:
        params: the trained parameters.
        state: at initialization.
        names: what the state of the network holds, buffers and shared parameters included.

    Raises:
        InvalidSubjectError: a parameter is missing from it, of another shape there, or no floating-point tensor; or it
            holds weights that the network lacks.
    """
    reference = next(iter(params.values()))
    named = _checked(params, state, "init_state")
    _require_no_others(named, {*params, *names}, "init_state")
    moved = {name: v.detach().to(reference.device) for name, v in named.items() if isinstance(v, Tensor)}
    return {name: v.to(reference.dtype) if v.is_floating_point() else v for name, v in moved.items()}


def check_checkpoints(params: Mapping[str, Tensor], past: Trajectory, names: Collection[str]) -> Trajectory:
    """The trajectory with the parameters of its checkpoints under the names of the network.

    Args:
        params: the trained parameters.
        past: checkpoints and losses along training.
        names: what the network holds, buffers and shared parameters included.

    Raises:
        InvalidSubjectError: a parameter is missing from one or of another shape there, or one holds weights that the
            network lacks; the message says which.
    """
    checkpoints = []
    for kept in past.checkpoints:
        owner = f"checkpoint {kept.step}"
        named = _checked(params, kept.params, owner)
        _require_no_others(named, {*params, *names}, owner)
        checkpoints.append(replace(kept, params=named, buffers=without_prefixes(kept.buffers)))
    return replace(past, checkpoints=checkpoints)


def _require_no_others(state: Mapping[str, Any], names: Collection[str], owner: str) -> None:
    """Refuse a state that holds weights under other names than these."""
    known = {*names, *map(_plain, names)}
    foreign = [name for name, value in state.items() if name not in known and _is_weight(value)]
    if foreign:
        raise InvalidSubjectError(
            f"{owner} must be of the same architecture; it holds {len(foreign)} weights that the network lacks, "
            f"such as {foreign[0]!r}."
        )


def _is_weight(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.dim() > 1


def _checked(params: Mapping[str, Tensor], state: Mapping[str, Any], owner: str) -> Mapping[str, Any]:
    """The state under the names of the parameters, none of which is missing, of another shape or no real numbers."""
    named = by_names(params, state, owner)
    for name, param in params.items():
        value = dense_copy(f"{owner}[{name!r}]", named[name])
        if value.shape != param.shape:
            raise InvalidSubjectError(
                f"{owner}[{name!r}] must have shape {tuple(param.shape)}; got {tuple(value.shape)}."
            )
        if not value.is_floating_point():
            raise InvalidSubjectError(f"{owner}[{name!r}] must hold floating-point numbers; got {value.dtype}.")
    return named


def by_names(names: Mapping[str, Any], state: Mapping[str, Any], owner: str) -> Mapping[str, Any]:
    """A state dict under the names of the network: out of a checkpoint, without the prefixes of wrappers.

    Raises:
        InvalidSubjectError: a name is missing.
    """
    if names.keys() <= state.keys():
        return state
    nested = next((state[key] for key in NESTED if isinstance(state.get(key), Mapping)), None)
    if nested is not None:
        return by_names(names, nested, f"{owner}[{next(key for key in NESTED if state.get(key) is nested)!r}]")
    plain = {_plain(name): name for name in names}
    renamed = {plain.get(_plain(name), _plain(name)): value for name, value in state.items()}
    for name in names:
        if name not in renamed:
            held = ", ".join(map(repr, list(state)[:3]))
            raise InvalidSubjectError(
                f"{owner} must hold every parameter; {name!r} is missing. It holds {held or 'nothing'}"
                f"{', ...' if len(state) > 3 else ''}."  # noqa: PLR2004  as above
            )
    return renamed


def without_prefixes(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state dict without the prefixes of wrappers."""
    return {_plain(name): value for name, value in state.items()}


def _plain(name: str) -> str:
    """A parameter's name without the prefixes of wrappers."""
    return ".".join(part for part in name.split(".") if part not in PREFIXES)
