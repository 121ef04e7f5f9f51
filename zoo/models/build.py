"""Build the network of a recipe: timm networks sized to the image, and two families that timm lacks."""

import contextlib
from typing import Any, Final, cast

import torch
from torch import nn

from zoo.errors import RecipeError
from zoo.models.layers import SeededDropout, factorise, remove_batch_norm
from zoo.models.stems import create_fitted
from zoo.models.timm_names import timm_library
from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES, SOLVED
from zoo.seeds import seed_for

PATCHES_PER_SIDE = 4
BASE_CHANNELS: Final = {"mlp": 64, "nin": 16, "resnet": 8, "nf_resnet": 8, "vit": 16, "mixer": 16}  # at width 1
SIDES: Final = (16, 24, 28, 32, 40, 48, 56, 64, 75, 80, 96, 112, 128, 160, 192, 224, 240, 256, 288, 299, 320, 384, 448)
OWN: Final = frozenset({"mlp", "nin"})  # families that are not timm's


def build(recipe: Recipe, image_shape: tuple[int, int, int], num_classes: int, seed: int) -> nn.Module:
    """Build the network of a recipe at initialization, in train mode.

    Args:
        recipe: its `model`, `width`, `depth` and `stem` decide the network.
        image_shape: (c, h, w) of the images.
        num_classes: k, the number of logits.
        seed: decides the initial weights; the global random state is left as it was.

    Raises:
        RecipeError: the image is not square or too small for the model, or the model is solved from its data.
    """
    if recipe.model in SOLVED:
        raise RecipeError(
            f"The model must be one that is trained; got {recipe.model!r}. Use zoo.training.train.network_of, which "
            "sees the training data."
        )
    channels, height, width = image_shape
    if recipe.model in ("vit", "mixer") and (height != width or height % PATCHES_PER_SIDE):
        raise RecipeError(
            f"Images for {recipe.model!r} must be square with a side divisible by {PATCHES_PER_SIDE}; got {height} x "
            f"{width}. Use mlp, resnet or nf_resnet."
        )
    if recipe.model not in OWN:
        timm_library()  # before the seed, from which an import might draw
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # timm initializes from the global generator, which fork_rng puts back
        if recipe.model in FAMILIES:
            network = _family(recipe, channels, height, width, num_classes)
        else:
            network = _timm(recipe, image_shape, num_classes)
        if not recipe.batch_norm:
            remove_batch_norm(network)
        if recipe.dropout > 0:
            _with_dropout(network, recipe.dropout, seed)
        if recipe.rank < 1:
            factorise(network, recipe.rank)
    attention: list[Any] = [module for module in network.modules() if hasattr(module, "fused_attn")]
    for module in attention:
        module.fused_attn = False  # the fused kernels have no batching rule and no second derivative
    return network


def num_params(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in network.parameters())


def _family(recipe: Recipe, channels: int, height: int, width: int, num_classes: int) -> nn.Module:
    first_stage, second_stage = (recipe.depth + 1) // 2, max(recipe.depth // 2, 1)
    base = _scaled(BASE_CHANNELS[recipe.model], recipe.width)
    match recipe.model:
        case "mlp":
            return _mlp(channels * height * width, base, recipe.depth, num_classes)
        case "nin":
            return _nin(channels, base, recipe.depth, num_classes)
        case "resnet":
            network: Any = _created(
                "resnet18",
                in_chans=channels,
                num_classes=num_classes,
                layers=(first_stage, second_stage),
                channels=(base, 2 * base),
                stem_type="deep",
                stem_width=base // 2,
            )
            network.conv1 = nn.Conv2d(channels, base, 3, stride=_stem_stride(height), padding=1, bias=False)
            nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")  # as timm's other layers
            network.maxpool = network.layer3 = network.layer4 = nn.Identity()  # two stages are enough for small images
            return cast("nn.Module", network)
        case "nf_resnet":
            network = _created(
                "nf_resnet26",
                in_chans=channels,
                num_classes=num_classes,
                depths=(first_stage, second_stage),
                channels=(4 * base, 8 * base),
                stem_type="3x3",
                stem_chs=base,
            )
            network.stem.conv.stride = (_stem_stride(height),) * 2
            return cast("nn.Module", network)
        case "vit":
            network = _created(
                "vit_tiny_patch16_224",
                img_size=height,
                patch_size=height // PATCHES_PER_SIDE,
                in_chans=channels,
                num_classes=num_classes,
                embed_dim=base,
                depth=recipe.depth,
                num_heads=2,
                weight_init="jax",  # Xavier; timm's default, N(0, 0.02^2), starves so narrow a network
            )
            return cast("nn.Module", network)
        case _:
            network = timm_library().models.mlp_mixer.MlpMixer(
                num_classes=num_classes,
                img_size=height,
                in_chans=channels,
                patch_size=height // PATCHES_PER_SIDE,
                num_blocks=recipe.depth,
                embed_dim=base,
            )
            return cast("nn.Module", network)


def _stem_stride(height: int) -> int:
    """Stems of timm halve images of 224 pixels; here the first stage should see about 8 to 16 rows."""
    return max(1, height // 16)


def _scaled(base: int, width: float) -> int:
    """The channels of a family at this width: even, so that two heads divide them."""
    return max(2, 2 * round(base * width / 2))


def _mlp(num_inputs: int, hidden: int, depth: int, num_classes: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for index in range(depth):
        layers += [nn.Linear(num_inputs if index == 0 else hidden, hidden), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(hidden, num_classes))


def _nin(channels: int, width: int, depth: int, num_classes: int) -> nn.Sequential:
    """Blocks of convolutions as in the studies of Jiang et al. 2020 and Dziugaite et al. 2020; last a mean of places.

    Every convolution but the last is followed by batch norm and ReLU.
    """
    layers: list[nn.Module] = []
    for index in range(depth):
        layers += _convolution(channels if index == 0 else width, width, kernel=3, stride=2)
        layers += [*_convolution(width, width), *_convolution(width, width)]
    return nn.Sequential(*layers, nn.Conv2d(width, num_classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _convolution(inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")  # as timm's layers
    return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]


def _with_dropout(network: nn.Module, probability: float, seed: int) -> None:
    """Dropout before the last layer, in an mlp before every layer but the first, in place."""
    names = [name for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    plain = isinstance(network, nn.Sequential) and all(type(m) in {nn.Flatten, nn.Linear, nn.ReLU} for m in network)
    for name in names[1:] if plain else names[-1:]:
        parent, _, child = name.rpartition(".")
        layer = network.get_submodule(name)
        dropout = SeededDropout(probability, seed_for("dropout", seed, name))
        setattr(network.get_submodule(parent), child, nn.Sequential(dropout, layer))


def _created(name: str, **arguments: Any) -> Any:
    return timm_library().create_model(name, **arguments)


def _timm(recipe: Recipe, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    """A timm model by name, tried on an image."""
    try:
        network = _sized(recipe, image_shape, num_classes)
        with torch.no_grad():
            network.eval()(torch.zeros(1, *image_shape))
    except RecipeError:
        raise
    except Exception as error:  # whatever a model of timm's raises on sizes that it was not made for
        shape = " x ".join(map(str, image_shape))
        least = _least_side(recipe, image_shape, num_classes)
        needs = "" if least is None else f" The least that works is {least} x {least}."
        raise RecipeError(
            f"The timm model {recipe.model!r} cannot take images of {shape}.{needs} Use larger images, another timm "
            f"model, or a family: {', '.join(FAMILIES)}."
        ) from error
    return network.train()


def _sized(recipe: Recipe, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    arguments: dict[str, Any] = {"in_chans": image_shape[0], "num_classes": num_classes}
    if recipe.stem == "fitted":
        return create_fitted(recipe.model, image_shape[1], **arguments)
    try:
        return cast("nn.Module", _created(recipe.model, img_size=image_shape[1], **arguments))
    except TypeError:  # convolutional networks take any image and know no img_size
        return cast("nn.Module", _created(recipe.model, **arguments))


def _least_side(recipe: Recipe, image_shape: tuple[int, int, int], num_classes: int) -> int | None:
    """Least side, of those above that of the image, that a timm model takes; tried without memory for its weights."""
    for side in (side for side in SIDES if side > min(image_shape[1:])):
        shape = (image_shape[0], side, side)
        with contextlib.suppress(Exception), torch.device("meta"), torch.no_grad():
            _sized(recipe, shape, num_classes).eval()(torch.zeros(1, *shape))
            return side
    return None
