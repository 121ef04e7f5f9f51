"""Load pretrained weights as the start of a network, all but those of its head."""

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import safetensors
import safetensors.torch
from torch import Tensor, nn

from zoo.errors import RecipeError
from zoo.models.stems import first_convolution
from zoo.models.timm_names import timm_library
from zoo.recipe import Recipe
from zoo.recipe_checks import FROM_TIMM

NAMED: Final = 3  # tensors of each kind that a refusal names
COUNTER: Final = ".num_batches_tracked"  # of batch norm, which files may lack


@dataclass(frozen=True, slots=True)
class Pretrained:
    """Pretrained weights that fit a network.

    Attributes:
        state: parameters and buffers by name, without the head.
        sha256: digest of the file; of downloaded weights, of the safetensors file that holds them; none if None.
    """

    state: dict[str, Tensor]
    sha256: str | None


def load_pretrained(recipe: Recipe, network: nn.Module) -> Pretrained:
    """Load the weights that `recipe.pretrained` names, fitted to a network as timm fits them.

    The head is left out. Position embeddings and patches are resampled, and the first convolution is adapted to the
    number of channels, where timm does so for the model.

    Args:
        recipe: its `pretrained` is a path, or "timm" or "timm:TAG" for weights that timm downloads.
        network: of the recipe, at initialization.

    Raises:
        RecipeError: no such file, one that cannot be read, or one that does not fit; the message names the tensors.
    """
    source = cast("str", recipe.pretrained)
    state, sha256 = _downloaded(recipe.model, source) if source.partition(":")[0] == FROM_TIMM else _read(Path(source))
    return Pretrained(_fitted(state, network, source, recipe.model), sha256)


def without_head(state: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Leave out what belongs to the last layer of a network."""
    heads = _heads(network)
    return {name: value for name, value in state.items() if not name.startswith(heads)}


def _heads(network: nn.Module) -> tuple[str, ...]:
    """Return the beginnings of the names in the head: timm's `classifier`, or the last linear layer or convolution."""
    given = getattr(network, "pretrained_cfg", {}).get("classifier")
    if not given:
        given = [name for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
    return tuple(f"{name}." for name in ((given,) if isinstance(given, str) else given))


def _read(path: Path) -> tuple[dict[str, Tensor], str]:
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return safetensors.torch.load_file(path), sha256
    except FileNotFoundError as error:
        raise RecipeError(
            f"pretrained must name a safetensors file; there is no file {path}. Paths start in the current folder."
        ) from error
    except (OSError, safetensors.SafetensorError) as error:
        raise RecipeError(f"pretrained must name a safetensors file; {path} cannot be read: {error}.") from error


def _downloaded(model: str, source: str) -> tuple[dict[str, Tensor], str]:
    tag = source.partition(":")[2]
    name = f"{model}.{tag}" if tag else model
    try:
        state = timm_library().create_model(name, pretrained=True).state_dict()
    except Exception as error:  # timm and the hub raise what they like without a network, weights or such a tag
        raise RecipeError(
            f"The pretrained weights of the timm model {name!r} cannot be downloaded: {str(error).splitlines()[0]}. "
            "Save them as a safetensors file and name that."
        ) from error
    state = {key: value.clone() for key, value in state.items()}
    return state, hashlib.sha256(safetensors.torch.save(state)).hexdigest()


def _fitted(given: dict[str, Tensor], network: nn.Module, source: str, model: str) -> dict[str, Tensor]:
    """Fit tensors to a network, without its head, by the filter that timm's module of the model has."""
    heads = _heads(network)
    own = without_head(network.state_dict(), network)
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    state = dict(given) if convert is None else dict(convert(dict(given), network))
    first = first_convolution(network)
    weight = f"{first}.weight"
    if weight in own and weight in state and state[weight].ndim == own[weight].ndim:
        channels = own[weight].shape[1]
        if state[weight].shape[1] != channels and state[weight].shape[1] == 3:  # noqa: PLR2004  red, green, blue
            state[weight] = timm_library().models.adapt_input_conv(channels, state[weight])
    state = {name: value for name, value in state.items() if not name.startswith(heads)}
    missing = [name for name in own if name not in state and not name.endswith(COUNTER)]
    unknown = [name for name in state if name not in own]
    other = [
        f"{name} is {_shape(state[name])} in place of {_shape(own[name])}"
        for name in own
        if name in state and state[name].shape != own[name].shape
    ]
    if missing or unknown or other:
        parts = [
            _listed(kind, names)
            for kind, names in (("missing", missing), ("unknown", unknown), ("of another shape", other))
            if names
        ]
        raise RecipeError(
            f"pretrained must fit the model {model!r}; of {len(own)} tensors without the head in the network and "
            f"{len(state)} in {source}, {'; '.join(parts)}."
        )
    return state


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


def _listed(kind: str, names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} {'is' if len(names) == 1 else 'are'} {kind}: {', '.join(names[:NAMED])}{more}"
