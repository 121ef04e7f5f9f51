"""Networks fit the images, have the advertised size, and leave the global random state alone."""

import pytest
import torch

from zoo.models.build import build, num_params
from zoo.recipe import Recipe
from zoo.recipe_fields import FAMILIES
from zoo.suites.registry import suite


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32)])
@pytest.mark.parametrize("model", FAMILIES)
def test_families_are_sized_to_the_image(model: str, shape: tuple[int, int, int]) -> None:
    """Logits for every image, at every width and depth."""
    for width, depth in ((1.0, 2), (1.5, 2), (2.0, 3)):
        network = build(Recipe(model=model, width=width, depth=depth), shape, 10, seed=0)
        assert network(torch.zeros(2, *shape)).shape == (2, 10)


def test_any_timm_model_can_be_trained() -> None:
    """By its name, with and without an argument for the image size."""
    assert build(Recipe(model="test_resnet"), (3, 64, 64), 5, seed=0)(torch.zeros(2, 3, 64, 64)).shape == (2, 5)
    assert build(Recipe(model="test_vit"), (3, 64, 64), 5, seed=0)(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


def test_the_digits_suite_has_networks_of_five_to_a_hundred_thousand_parameters() -> None:
    """As README says."""
    sizes = [num_params(build(recipe, (1, 8, 8), 10, 0)) for recipe in set(suite("digits").recipes())]
    assert min(sizes) >= 5_000
    assert max(sizes) <= 100_000


def test_the_seed_decides_the_weights_and_nothing_else_does() -> None:
    """Same seed, same weights; another seed, others; the global generator is where it was."""
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, again, other = (build(Recipe(), (1, 8, 8), 10, seed) for seed in (3, 3, 4))

    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first.get_parameter("1.weight"), again.get_parameter("1.weight"))
    assert not torch.equal(first.get_parameter("1.weight"), other.get_parameter("1.weight"))


@pytest.mark.parametrize("model", ["vit", "mixer"])
def test_images_that_do_not_fit_are_refused(model: str) -> None:
    """Patches must tile the image."""
    with pytest.raises(
        ValueError, match=f"Images for '{model}' must be square with a side divisible by 4; got 10 x 10"
    ):
        build(Recipe(model=model), (1, 10, 10), 10, seed=0)
