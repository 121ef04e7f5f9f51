"""No suite lets a measure see an image on which the gap of its network is measured."""

import pytest
import torch

from measures.registry import catalog
from zoo.corruptions import DataSpec, prepare
from zoo.data.datasets import DATASETS, ImageSet, load
from zoo.recipe import Recipe, with_others
from zoo.suites.registry import suites

DATA = {
    (recipe.dataset, recipe.classes, recipe.merged, recipe.pairs, recipe.unlabeled): recipe
    for known in suites().values()
    for size in known.sizes
    for recipe in with_others(known.recipes(size))
}


@pytest.mark.parametrize("recipe", DATA.values(), ids=[" ".join(map(str, what)) for what in DATA])
def test_measures_see_no_image_on_which_the_gap_is_measured(recipe: Recipe) -> None:
    """In any data that a recipe of any suite asks for; numbered images stand for those that are not in the box."""
    images = load(recipe.dataset) if recipe.dataset in DATASETS else numbered(recipe.dataset)
    spec = DataSpec(classes=recipe.classes, merged=recipe.merged, pairs=recipe.pairs, unlabeled=recipe.unlabeled)
    data = prepare(images, spec)
    if data.unlabeled_images is None:
        assert recipe.unlabeled == "none"
    else:
        tested, seen, trained = (
            {image.numpy().tobytes() for image in some}
            for some in (data.test_images, data.unlabeled_images, data.train_images)
        )
        assert min(len(tested), len(seen)) >= 100
        assert not tested & seen
        assert not trained & (tested | seen)


def numbered(name: str) -> ImageSet:
    """Images of ten classes whose pixels are the digits of their number."""
    number = torch.arange(1500)
    images = torch.stack([number % 256, number // 256], 1).to(torch.uint8).reshape(-1, 1, 1, 2).repeat(1, 1, 2, 1)
    labels = number % 10
    return ImageSet(
        name=name,
        train_images=images[:500],
        train_labels=labels[:500],
        test_images=images[500:],
        test_labels=labels[500:],
        num_classes=10,
    )


def test_every_measure_that_needs_other_inputs_gets_some() -> None:
    """A study about such a measure sets test images aside, as do the suites that are about all measures."""
    needing = {name for name, measure in catalog().items() if "unlabeled" in measure.needs}
    for known in suites().values():
        if known.study.measures is None or needing & set(known.study.measures):
            for size in known.sizes:
                assert {recipe.unlabeled for recipe in known.recipes(size)} == {"half_of_test"}, known.name
