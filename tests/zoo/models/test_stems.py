"""Stems of timm models are fitted to images of 32 x 32, or refused."""

import pytest
import torch
from torch import nn

from zoo.errors import RecipeError
from zoo.models.build import build
from zoo.recipe import Recipe

IMAGE = (3, 32, 32)


def named(model: str) -> Recipe:
    """A recipe with a fitted stem."""
    return Recipe(model=model, stem="fitted")


def test_a_resnet_loses_the_stride_and_the_pooling_of_its_stem_alone() -> None:
    """The first stage sees every position of the image; what follows still halves its side three times."""
    plain, fitted = build(Recipe(model="resnet18"), IMAGE, 10, 0), build(named("resnet18"), IMAGE, 10, 0)
    sides = {}
    for name, network in (("plain", plain), ("fitted", fitted)):
        for stage in ("layer1", "layer4"):
            network.get_submodule(stage).register_forward_hook(
                lambda _module, _inputs, output, key=(name, stage): sides.update({key: output.shape[-1]})
            )
        network(torch.zeros(2, *IMAGE))

    assert sides == {("plain", "layer1"): 8, ("plain", "layer4"): 1, ("fitted", "layer1"): 32, ("fitted", "layer4"): 4}
    assert all(torch.equal(plain.state_dict()[name], value) for name, value in fitted.state_dict().items())


def test_all_convolutions_of_a_deep_stem_are_fitted() -> None:
    """And none behind it: `resnet26d` has three in `conv1`, NF-Nets have two of stride 2."""
    for model in ("resnet26d", "test_nfnet"):
        network = build(named(model), IMAGE, 10, 0)
        strides = {name: module.stride[0] for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
        stem = {name: stride for name, stride in strides.items() if name.startswith(("conv1.", "stem."))}
        assert len(stem) >= 3
        assert set(stem.values()) == {1}
        assert 2 in strides.values()


def test_a_vision_transformer_gets_eight_patches_a_side() -> None:
    """64 patches and a class token; in images of one channel as well."""
    network = build(named("test_vit"), (1, 32, 32), 10, 0)
    assert network.get_parameter("pos_embed").shape == (1, 65, 64)
    assert network.get_parameter("patch_embed.proj.weight").shape == (64, 1, 4, 4)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("vgg11", "whose first convolution has stride 1 already"),
        ("mixer_s32_224", "in which no stem is recognised"),
        ("crossvit_tiny_240", "in which no stem is recognised"),
    ],
)
def test_a_model_without_such_a_stem_is_refused(model: str, reason: str) -> None:
    """In a sentence."""
    with (
        torch.device("meta"),  # a hundred million parameters
        pytest.raises(RecipeError, match=f"stem must be 'none' for the timm model '{model}', {reason}.*got 'fitted'."),
    ):
        build(named(model), IMAGE, 10, 0)


def test_a_fitted_model_that_needs_larger_images_says_which() -> None:
    """Inception's pooling leaves nothing of images of 32 pixels, even with a fitted stem."""
    with pytest.raises(RecipeError, match=r"'inception_v3' cannot take images of 3 x 32 x 32. The least .* is \d+ x"):
        build(named("inception_v3"), IMAGE, 10, 0)


def test_families_keep_their_stems() -> None:
    """They are sized to the image."""
    with pytest.raises(RecipeError, match="stem must be 'none' with model='resnet', which is sized to the image"):
        named("resnet")
