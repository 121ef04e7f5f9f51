"""Fit the stem of a timm model, made for images of 224 pixels, to small ones."""

from typing import Any, Final, cast

from torch import nn

from zoo.errors import RecipeError
from zoo.models.timm_names import timm_library

PATCHES_PER_SIDE: Final = 8  # of a vision transformer: patches of 4 x 4 in images of 32 x 32


def create_fitted(name: str, side: int, **arguments: Any) -> nn.Module:
    """Create a timm model whose first layers keep the resolution of small images.

    A model that takes `img_size` and `patch_size`, as vision transformers do, gets 8 x 8 patches. Of any other, the
    stem is the convolution that timm's configuration calls `first_conv` and what follows it in the order of modules, up
    to the first convolution of another parent: its convolutions get stride 1, and its max-pooling is left out.

    Args:
        name: of a timm model.
        side: of the images.
        arguments: further ones of `timm.create_model`.

    Raises:
        RecipeError: no stem is recognised, or there is nothing to fit.
        TypeError: an argument that the model does not take.
    """
    create = timm_library().create_model
    try:
        return cast("nn.Module", create(name, img_size=side, patch_size=max(1, side // PATCHES_PER_SIDE), **arguments))
    except TypeError:  # it has a convolutional stem, or the name fixes the patches
        pass
    try:
        network = create(name, img_size=side, **arguments)
    except TypeError:
        network = create(name, **arguments)
    _fit_convolutions(network, name)
    return cast("nn.Module", network)


def first_convolution(network: nn.Module) -> str | None:
    """Return the name of the convolution that sees the image, as timm's configuration has it; None if it has none."""
    name = getattr(network, "pretrained_cfg", {}).get("first_conv")
    if not isinstance(name, str) or name not in dict(network.named_modules()):
        return None
    return name if isinstance(network.get_submodule(name), nn.Conv2d) else None


def _fit_convolutions(network: nn.Module, name: str) -> None:
    first = first_convolution(network)
    parent = None if first is None else network.get_submodule(first.rpartition(".")[0])
    if first is None or isinstance(parent, timm_library().layers.PatchEmbed):
        raise RecipeError(
            f"stem must be 'none' for the timm model {name!r}, in which no stem is recognised: it takes no patch_size "
            "and names no first convolution whose stride can be changed; got 'fitted'."
        )
    if cast("nn.Conv2d", network.get_submodule(first)).stride == (1, 1):
        raise RecipeError(
            f"stem must be 'none' for the timm model {name!r}, whose first convolution has stride 1 already; "
            "got 'fitted'."
        )
    container = first.rpartition(".")[0]
    names = [other for other, _ in network.named_modules()]
    for other in names[names.index(first) :]:
        module = network.get_submodule(other)
        if isinstance(module, nn.Conv2d):
            if other.rpartition(".")[0] != container:
                return
            module.stride = (1, 1)
        elif isinstance(module, nn.MaxPool2d):
            above, _, child = other.rpartition(".")
            setattr(network.get_submodule(above), child, nn.Identity())
