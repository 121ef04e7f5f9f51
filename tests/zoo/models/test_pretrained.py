"""Pretrained weights fit, or the refusal says which tensors do not."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from zoo.errors import RecipeError
from zoo.models.build import build
from zoo.models.pretrained import load_pretrained, without_head
from zoo.models.timm_names import timm_library
from zoo.recipe import Recipe

IMAGE = (3, 32, 32)


def saved(folder: Path, model: str, **changes: Tensor | None) -> Path:
    """Write the weights of a timm model of 1,000 classes, with tensors changed, or left out where they are None."""
    torch.manual_seed(0)
    state: dict[str, Tensor | None] = {**timm_library().create_model(model).state_dict(), **changes}
    path = folder / f"{model}.safetensors"
    safetensors.torch.save_file({name: v.contiguous() for name, v in state.items() if v is not None}, path)
    return path


def loaded(recipe: Recipe, shape: tuple[int, int, int] = IMAGE) -> tuple[dict[str, Tensor], dict[str, Tensor], Any]:
    """The pretrained start of a recipe, the fresh state of its network, and the network."""
    network = build(recipe, shape, 10, 0)
    return load_pretrained(recipe, network).state, network.state_dict(), network


def test_all_but_the_head_is_that_of_the_file(tmp_path: Path) -> None:
    """With a fitted stem, which changes no tensor; the digest is that of the file."""
    path = saved(tmp_path, "test_resnet")
    recipe = Recipe(model="test_resnet", stem="fitted", pretrained=str(path))
    state, fresh, network = loaded(recipe)
    given = safetensors.torch.load_file(path)

    assert set(fresh) - set(state) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(value, given[name]) for name, value in state.items())
    assert load_pretrained(recipe, network).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_patches_positions_and_channels_are_fitted_as_timm_does(tmp_path: Path) -> None:
    """A vision transformer of 16 x 16 patches in images of 160 pixels serves images of 32 pixels and one channel."""
    path = saved(tmp_path, "test_vit")
    for channels in (1, 3):
        state, fresh, _ = loaded(Recipe(model="test_vit", stem="fitted", pretrained=str(path)), (channels, 32, 32))
        assert all(value.shape == fresh[name].shape for name, value in state.items())


def test_a_family_starts_from_a_file_too(tmp_path: Path) -> None:
    """Its head is its last layer."""
    path = tmp_path / "mlp.safetensors"
    safetensors.torch.save_file(dict(build(Recipe(), IMAGE, 7, 5).state_dict()), path)
    state, fresh, _ = loaded(Recipe(pretrained=str(path)))
    assert set(fresh) - set(state) == {"5.weight", "5.bias"}


def test_a_file_that_does_not_fit_says_which_tensors_and_how_many(tmp_path: Path) -> None:
    """Missing and unknown ones, and those of another shape; only the first of many."""
    changes = {"bn1.weight": None, "strange": torch.zeros(1), "layer1.0.conv1.weight": torch.zeros(4, 5, 3, 3)}
    path = saved(tmp_path, "test_resnet", **changes)
    with pytest.raises(RecipeError) as refused:
        loaded(Recipe(model="test_resnet", pretrained=str(path)))
    assert "pretrained must fit the model 'test_resnet'" in str(refused.value)
    assert "1 is missing: bn1.weight; 1 is unknown: strange; 1 is of another shape: layer1.0.conv1.weight is 4 x 5" in (
        str(refused.value)
    )
    with pytest.raises(RecipeError, match=r"are missing: \S+, \S+, \S+ and \d+ more; \d+ are unknown"):
        loaded(Recipe(model="test_vit", pretrained=str(path)))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """In a sentence."""
    path = tmp_path / "some.safetensors"
    with pytest.raises(RecipeError, match="there is no file"):
        loaded(Recipe(pretrained=str(path)))
    path.write_bytes(b"these are no tensors")
    with pytest.raises(RecipeError, match="cannot be read"):
        loaded(Recipe(pretrained=str(path)))


def test_weights_of_timm_are_downloaded_by_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state of the tagged model, adapted as a file is; without a network a sentence says what to do."""
    library = timm_library()
    create, asked = library.create_model, []

    def pretend(name: str, *, pretrained: bool = False, **arguments: Any) -> Any:
        if pretrained:
            asked.append(name)
            torch.manual_seed(3)
        return create(name.partition(".")[0], **arguments)

    recipe = Recipe(model="test_resnet", pretrained="timm:r160_in1k")
    network = build(recipe, IMAGE, 10, 0)
    monkeypatch.setattr(library, "create_model", pretend)
    torch.manual_seed(3)
    expected = without_head(create("test_resnet").state_dict(), network)
    found = load_pretrained(recipe, network)
    assert asked == ["test_resnet.r160_in1k"]
    assert all(torch.equal(found.state[name], value) for name, value in expected.items())

    def offline(*_: Any, **__: Any) -> Any:
        raise OSError("no route\nto the hub")

    monkeypatch.setattr(library, "create_model", offline)
    with pytest.raises(RecipeError, match=r"'test_resnet.r160_in1k' cannot be downloaded: no route. Save them as a"):
        load_pretrained(recipe, network)
