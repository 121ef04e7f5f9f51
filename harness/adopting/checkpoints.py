"""Weights of a checkpoint, read without running code and fitted to their network."""

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from harness.adopting.errors import AdoptError
from harness.adopting.factories import LogitsOf
from measures.state_checks import NESTED, without_prefixes

NAMED: Final = 3  # tensors of each kind that a message names
COUNTER: Final = ".num_batches_tracked"  # of batch norm; it decides nothing
INSIDE: Final = "classifier."  # where `LogitsOf` keeps the classifier


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint by name, out of nested dictionaries and without the prefixes of wrappers.

    Args:
        path: a safetensors file, or a state dict that torch.save wrote.

    Raises:
        AdoptError: there is no such file, it is damaged, holds more than tensors and plain values, or no tensors.
    """
    if not path.is_file():
        raise AdoptError(f"there is no file {path}. Paths start in the folder of the table.")
    try:
        content: Any
        if path.suffix == ".safetensors":
            content = safetensors.torch.load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not _is_pickle(path):
            raise AdoptError(f"{path} is neither a safetensors file nor one that torch.save wrote.") from error
        raise AdoptError(
            f"{path} holds Python objects beside tensors, and reading them would run code. Save its weights alone: "
            "torch.save(model.state_dict(), path)."
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise AdoptError(f"{path} cannot be read as a checkpoint: {(str(error).splitlines() or ['?'])[0]}.") from error
    while isinstance(content, Mapping) and not _tensors(content):
        nested = next((content[key] for key in NESTED if isinstance(content.get(key), Mapping)), None)
        if nested is None:
            break
        content = nested
    state = _tensors(content) if isinstance(content, Mapping) else {}
    if not state:
        raise AdoptError(f"{path} must hold a state dict; it holds no tensors by name.")
    return without_prefixes(state)


def load_weights(network: nn.Module, state: Mapping[str, Tensor], owner: str) -> None:
    """Load a state dict into its network.

    Raises:
        AdoptError: it lacks tensors, holds others, or has other shapes; the message names and counts them.
    """
    prefix = INSIDE if isinstance(network, LogitsOf) else ""
    given = {f"{prefix}{name}": value for name, value in state.items()}
    wanted = network.state_dict()
    shapes = {name for name in wanted.keys() & given.keys() if wanted[name].shape != given[name].shape}
    kinds = {
        "lacks": sorted(name for name in wanted.keys() - given.keys() if not name.endswith(COUNTER)),
        "holds beside them": sorted(name for name in given.keys() - wanted.keys() if not name.endswith(COUNTER)),
        "has another shape of": sorted(shapes),
    }
    found = [f"{what} {_listed(names)}" for what, names in kinds.items() if names]
    if found:
        example = next(iter(sorted(shapes)), None)
        shape = (
            f" {example} is {list(given[example].shape)} there and {list(wanted[example].shape)} here."
            if example
            else ""
        )
        raise AdoptError(
            f"{owner} does not fit the network of {len(wanted)} tensors: it {', '.join(found)}.{shape} Is it of "
            "another architecture, or does the factory need a hyperparameter?"
        )
    network.load_state_dict(given, strict=False)


def _is_pickle(path: Path) -> bool:
    """Whether a file is one that torch.save wrote, today's or the older form."""
    with path.open("rb") as file:
        return zipfile.is_zipfile(path) or file.read(1) == pickle.PROTO


def _tensors(content: Mapping[str, Any]) -> dict[str, Tensor]:
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
