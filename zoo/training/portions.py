"""Split recipes of one shape so that the data sets that are held at once fit into memory."""

from collections.abc import Iterator, Sequence
from typing import Final

from zoo.recipe import Recipe

HELD_BYTES: Final = 2 * 2**30  # of the training images that a fleet draws from, stacked
REAL_PIXELS: Final = "gaussian"  # the condition whose pixels are no bytes


def data_bytes(recipe: Recipe, examples: int, pixels: int) -> int:
    """Bytes of the training images of a recipe: n images of c h w values, and the copies that it pretrains on."""
    value = 4 if recipe.corruption == REAL_PIXELS else 1
    images = max(1, 2 * recipe.pairs) * (1 + recipe.pretrain_copies)
    return examples * pixels * value * images


def portions(recipes: Sequence[Recipe], examples: int, pixels: int) -> Iterator[list[Recipe]]:
    """Recipes of one shape in portions whose distinct data sets take at most `HELD_BYTES`, or one data set.

    Recipes of one data set stay together, and pixels that are no bytes by themselves, which would make reals of all
    that they are stacked with.

    Args:
        recipes: of one shape.
        examples: n, the training images of each.
        pixels: c h w of an image.
    """
    held: dict[object, list[Recipe]] = {}
    for recipe in recipes:
        held.setdefault((recipe.corruption == REAL_PIXELS, recipe.data, recipe.pretrain_copies), []).append(recipe)
    if sum(data_bytes(own[0], examples, pixels) for own in held.values()) <= HELD_BYTES:
        yield list(recipes)
        return
    portion: list[Recipe] = []
    size, real = 0, False
    for own in sorted(held.values(), key=lambda own: own[0].corruption == REAL_PIXELS):
        more = data_bytes(own[0], examples, pixels)
        differs = real != (own[0].corruption == REAL_PIXELS)
        if portion and (size + more > HELD_BYTES or differs):
            yield portion
            portion, size = [], 0
        portion += own
        size, real = size + more, own[0].corruption == REAL_PIXELS
    yield portion
