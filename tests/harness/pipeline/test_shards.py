"""Shards of a suite: each network once, seeds together, and a sentence for a shard that does not exist."""

import pytest

from harness.errors import HarnessError
from harness.pipeline.run_options import RunOptions, Shard, parse_shard
from harness.pipeline.shards import EmptyShardError, recipes_in
from tests.harness.pipeline.planning import BASE
from zoo.suites.registry import suite


def test_shards_are_the_whole_and_share_nothing() -> None:
    """Each network is in one of three shards, with those that differ from it in the seed."""
    recipes = suite("smoke").recipes("small")
    shards = [recipes_in(Shard(index, 3), recipes) for index in (1, 2, 3)]

    assert sorted(recipe.run_id for shard in shards for recipe in shard) == sorted(r.run_id for r in recipes)
    assert all(shards)
    groups = [{recipe.replace(seed=0) for recipe in shard} for shard in shards]
    assert groups[0].isdisjoint(groups[1] | groups[2])
    assert groups[1].isdisjoint(groups[2])


def test_shards_do_not_depend_on_the_order_of_the_suite() -> None:
    """Every machine makes the same ones, with the recipes in the suite's order."""
    recipes = [BASE.replace(width=float(width), seed=seed) for width in (1, 2, 3) for seed in (0, 1)]

    assert set(recipes_in(Shard(2, 2), recipes[::-1])) == set(recipes_in(Shard(2, 2), recipes))
    assert list(recipes_in(Shard(1, 1), recipes)) == recipes


def test_a_shard_beyond_the_recipes_is_refused() -> None:
    """The message says how many there can be."""
    with pytest.raises(EmptyShardError, match=r"Shard 2/3 would be empty: these 2 networks are 1 recipes.*at most 1"):
        recipes_in(Shard(2, 3), [BASE, BASE.replace(seed=1)])


@pytest.mark.parametrize("text", ["", "3", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1.5/3", "/", "½/2"])
def test_what_is_no_shard(text: str) -> None:
    """One sentence with what was given and an example."""
    with pytest.raises(HarnessError, match=r"--shard must be I/N.*such as 2/3; got"):
        parse_shard(text)


def test_a_shard_has_a_directory_to_itself() -> None:
    """Named after the shard, unless --out names one."""
    assert parse_shard("2/16") == Shard(2, 16)
    assert parse_shard(None) is None
    assert str(RunOptions(suite="smoke", shard=Shard(2, 16)).folder) == "runs/smoke-shard-2-of-16"
