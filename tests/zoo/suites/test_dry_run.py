"""Every size of every suite builds its networks within 16 GiB, and the estimate is one of the memory that it takes."""

from collections.abc import Iterator

import pytest
import torch
from torch.nn import functional

from zoo.data.datasets import load
from zoo.models.build import build
from zoo.recipe import Recipe
from zoo.suites import dry_run
from zoo.suites.dry_run import PUBLISHED, needs_of
from zoo.suites.registry import suites
from zoo.training.engines.stacked_fleet import state_of
from zoo.training.train import data_of, network_of

MOST = 16 * 2**30
SIZES = [(name, size) for name, suite in suites().items() if not suite.of_user for size in suite.sizes]


@pytest.fixture(autouse=True, scope="module")
def _forget() -> Iterator[None]:
    yield
    dry_run._network.cache_clear()  # hundreds of networks, if without values
    dry_run._kept_by_backward.cache_clear()


@pytest.mark.parametrize(("name", "size"), SIZES)
def test_every_size_fits(name: str, size: str) -> None:
    """All its networks are built; those that need most take less than 16 GiB."""
    recipes = suites()[name].recipes(size)  # type: ignore[arg-type]
    needs = needs_of(recipes)

    assert needs[0].total < MOST
    assert sum(one.networks for one in needs) >= len({recipe.run_id for recipe in recipes})
    assert all(one.params > 0 for one in needs)


def test_what_does_not_fit_is_seen() -> None:
    """12,800 filters on 10,000 images, and a batch of all images of CIFAR-10."""
    many = Recipe(dataset="cifar10", model="kernel_patches", width=200.0, train_size=10_000)
    large = Recipe(dataset="cifar10", model="resnet", width=4.0, batch_size=50_000)
    assert needs_of([many])[0].total > MOST
    assert needs_of([large])[0].total > MOST


def test_networks_that_others_build_on_count() -> None:
    """A source and a teacher of other widths are shapes like any other."""
    source = Recipe(width=2.0, batch_size=16)
    needs = needs_of([Recipe(width=2.0, source=source), Recipe(teacher=Recipe(width=4.0))])
    assert sorted((one.shape.width, one.networks) for one in needs) == [(1.0, 1), (2.0, 1), (2.0, 1), (4.0, 1)]


def test_what_backward_keeps_of_an_mlp_by_hand() -> None:
    """Inputs, two hidden layers after their ReLU, and log-probabilities; a number has four bytes, a label eight."""
    (needs,) = needs_of([Recipe(batch_size=32)])
    numbers = 32 * (64 + 64 + 64 + 10)
    kept = 4 * numbers + 8 * 32
    assert 2 * kept <= needs.step_bytes <= 2.2 * kept
    network = network_of(Recipe(), data_of(Recipe()))
    assert needs.params == sum(p.numel() for p in network.parameters())
    assert needs.network_bytes == 6 * 4 * sum(value.numel() for value in state_of(network).values())


def test_what_backward_keeps_on_meta_is_what_it_keeps() -> None:
    """The bytes of a real step of a convolutional network."""
    recipe = Recipe(model="resnet", batch_size=16)
    network = build(recipe, (1, 8, 8), 10, seed=0)
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(value: torch.Tensor) -> torch.Tensor:
        kept[value.untyped_storage().data_ptr()] = value.untyped_storage()
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        functional.cross_entropy(network(torch.randn(16, 1, 8, 8)), torch.zeros(16, dtype=torch.int64))
    own = {p.untyped_storage().data_ptr() for p in network.parameters()}
    real = sum(storage.nbytes() for key, storage in kept.items() if key not in own)
    assert needs_of([recipe])[0].step_bytes == pytest.approx(2 * real, rel=0.05)


def test_sizes_of_images_are_those_of_the_bundled_set() -> None:
    """A set that is not published is read."""
    digits = load("digits")
    assert "digits" not in PUBLISHED
    (needs,) = needs_of([Recipe(train_size=100)])
    assert needs.data_bytes == 3 * 100 * 64 + len(digits.train_images) * 64
