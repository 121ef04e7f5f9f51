"""Shards of a suite: parts that several machines train and score without a common engine."""

from collections import defaultdict
from collections.abc import Sequence

from harness.errors import HarnessError
from harness.pipeline.run_options import Shard
from zoo.recipe import Recipe


class EmptyShardError(HarnessError):
    """A shard without a network."""


def recipes_in(shard: Shard, recipes: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """Return the recipes of a shard: every N-th by run id, where recipes that differ in the seed only go together.

    Some measures compare a network with that of the next seed: so the shards together have the scores of the whole.

    Raises:
        EmptyShardError: there are fewer groups of seeds than shards.
    """
    groups = sorted(siblings(recipes).values(), key=lambda group: min(recipe.run_id for recipe in group))
    if shard.index > len(groups):
        raise EmptyShardError(
            f"Shard {shard} would be empty: these {len(recipes)} networks are {len(groups)} recipes, whose seeds stay "
            f"together. Use at most {len(groups)} shards."
        )
    chosen = {recipe.run_id for group in groups[shard.index - 1 :: shard.total] for recipe in group}
    return tuple(recipe for recipe in recipes if recipe.run_id in chosen)


def siblings(recipes: Sequence[Recipe]) -> dict[Recipe, list[Recipe]]:
    """Group recipes that differ in the seed only, by their recipe of seed 0."""
    groups: dict[Recipe, list[Recipe]] = defaultdict(list)
    for recipe in recipes:
        groups[recipe.replace(seed=0)].append(recipe)
    return groups
