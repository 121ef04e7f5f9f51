"""Held-out recipes: the suite's structure with other seeds and levels, which a secret decides and nothing else."""

import hashlib
from dataclasses import fields
from itertools import pairwise

import pytest

from zoo.held_out import PROTOCOL, fingerprint, held_out
from zoo.models.build import build, num_params
from zoo.recipe import Recipe
from zoo.recipe_fields import SOLVED
from zoo.suites.registry import suites
from zoo.suites.study import SizeName

SECRET = bytes(range(16))
OTHER = bytes(range(1, 17))
DRAWN = ("learning_rate", "weight_decay", "dropout", "train_size", "depth", "width")
SEEDS = ("seed", "init_seed", "data_seed")
STAYS = tuple(f.name for f in fields(Recipe) if f.name not in {*DRAWN, *SEEDS, "source", "teacher"})
SUITES = [
    (name, size) for name, suite in suites().items() for size in suite.sizes if (name, size) != ("dziugaite", "full")
]  # 10,000 recipes


def hmac_by_hand(secret: bytes, message: bytes) -> bytes:
    """RFC 2104 with SHA-256, whose blocks have 64 bytes; for secrets of at most one block."""
    key = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key) + message).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in key) + inner).digest()


def both(name: str, size: SizeName, secret: bytes = SECRET) -> list[tuple[Recipe, Recipe]]:
    """The recipes of a suite beside what a secret makes of them."""
    recipes = suites()[name].recipes(size)
    return list(zip(recipes, held_out(recipes, name, secret), strict=True))


@pytest.mark.parametrize(("name", "size"), SUITES)
def test_what_a_suite_compares_is_there_again(name: str, size: SizeName) -> None:
    """Conditions stay; levels move together, keep their order and distance, within the suite's range; seeds shift."""
    pairs = both(name, size)
    trained = [(old, new) for old, new in pairs if old.model not in SOLVED] or pairs
    moved = {field: {getattr(old, field): getattr(new, field) for old, new in trained} for field in DRAWN}

    assert len({new.run_id for _, new in pairs}) == len(pairs)
    assert not {old.run_id for old, _ in pairs} & {new.run_id for _, new in pairs}
    for old, new in pairs:
        assert all(getattr(old, field) == getattr(new, field) for field in STAYS)
    for old, new in trained:
        assert all(getattr(new, field) == moved[field][getattr(old, field)] for field in DRAWN)
    assert len({new.seed - old.seed for old, new in pairs}) == 1
    for levels in moved.values():
        on = sorted((old, new) for old, new in levels.items() if old)
        assert all(levels[old] == old for old in levels if not old)  # 0 and None turn something off
        for (low, new_low), (high, new_high) in pairwise(on):
            assert new_high / new_low >= (high / low) ** (1 / 3) * 0.999
        if len(on) > 1:
            assert on[0][0] <= on[0][1] <= on[-1][1] <= on[-1][0]


def test_a_rate_that_a_suite_does_not_vary_moves_a_little() -> None:
    """By at most a quarter either way, and not always the same way; what else it does not vary stays."""
    base = Recipe(learning_rate=0.01, train_size=100, dropout=0.5)
    rates = [held_out([base], "mine", bytes([n]) * 16)[0] for n in range(100)]

    assert all(0.008 <= recipe.learning_rate <= 0.0125 for recipe in rates)
    assert min(r.learning_rate for r in rates) < 0.0083
    assert max(r.learning_rate for r in rates) > 0.012
    assert {(r.train_size, r.dropout, r.width, r.depth, r.weight_decay) for r in rates} == {(100, 0.5, 1.0, 2, 0.0)}


def test_levels_are_drawn_as_said() -> None:
    """Naively: 53 bits of the HMAC of protocol, suite, field and place, log-uniform within a third of the distances."""
    levels = (0.001, 0.004, 0.1)
    drawn = held_out([Recipe(learning_rate=level) for level in levels], "mine", SECRET)

    for place, (level, recipe) in enumerate(zip(levels, drawn, strict=True)):
        digest = hmac_by_hand(SECRET, f"gapbench held-out\0{PROTOCOL}\0mine\0learning_rate\0{place}".encode())
        unit = (int.from_bytes(digest[:8], "big") >> 11) / 2**53
        below, above = levels[max(place - 1, 0)], levels[min(place + 1, 2)]
        low, high = (level ** (2 / 3) * other ** (1 / 3) for other in (below, above))
        assert recipe.learning_rate == float(f"{low * (high / low) ** unit:.4g}")
    unit = (
        int.from_bytes(hmac_by_hand(SECRET, f"gapbench held-out\0{PROTOCOL}\0mine\0seed".encode())[:8], "big") / 2**64
    )
    assert {recipe.seed for recipe in drawn} == {int(unit * 2**40)}


def test_counts_reach_every_number_within_a_third_of_the_distance_and_no_other() -> None:
    """Of 10, 40 and 80 examples: 10 * 4^(1/3) = 15.9, 40 / 4^(1/3) = 25.2, 40 * 2^(1/3) = 50.4, 80 / 2^(1/3) = 63.5.

    And of 3, 24 and 81 a reach that ends at a whole number, which is reached: 3 * 8^(1/3), 24 / 8^(1/3), 24 * 1.5.
    """
    for sizes, reached in (
        ((10, 40, 80), [set(range(10, 16)), set(range(26, 51)), set(range(64, 81))]),
        ((3, 24, 81), [set(range(3, 7)), set(range(12, 37)), set(range(54, 82))]),
    ):
        recipes = [Recipe(train_size=size, batch_size=2) for size in sizes]
        drawn = [held_out(recipes, "mine", number.to_bytes(16, "big")) for number in range(400)]
        assert [{recipe.train_size for recipe in level} for level in zip(*drawn, strict=True)] == reached


@pytest.mark.parametrize("model", ["mlp", "nin", "resnet", "nf_resnet", "vit", "mixer"])
def test_widths_that_differ_are_networks_that_differ(model: str) -> None:
    """In every family; two channels more make another network, fewer may not."""
    recipes = [Recipe(model=model, width=width) for width in (0.5, 1.0, 2.0)]
    for number in range(3):
        drawn = held_out(recipes, "mine", number.to_bytes(16, "big"))
        sizes = [num_params(build(recipe, (1, 8, 8), 10, seed=0)) for recipe in drawn]
        assert sizes == sorted(set(sizes))


def test_widths_are_whole_pairs_of_channels_of_the_narrowest_family() -> None:
    """A resnet has 8 channels at width 1: a level that it shares moves in quarters, one of the mlp alone in 32nds."""
    recipes = [Recipe(model="resnet"), Recipe(), Recipe(width=8.0)]
    drawn = [held_out(recipes, "mine", number.to_bytes(16, "big")) for number in range(200)]

    assert {first.width for first, _, _ in drawn} == {1.0, 1.25, 1.5, 1.75, 2.0}
    assert all(first.width == second.width for first, second, _ in drawn)
    assert any(32 * last.width % 2 == 1 for _, _, last in drawn)
    assert all(32 * last.width % 1 == 0 and 4.0 <= last.width <= 8.0 for _, _, last in drawn)


def test_a_timm_name_keeps_its_width_and_depth() -> None:
    """Which the name fixes; the rate moves with the others'."""
    recipes = [Recipe(model="resnet18"), Recipe(width=8.0, depth=16), Recipe()]
    for number in range(5):
        named, _, family = held_out(recipes, "mine", number.to_bytes(16, "big"))
        assert (named.width, named.depth) == (1.0, 2)
        assert named.learning_rate == family.learning_rate


@pytest.mark.parametrize("name", ["rationality", "truncated_sgd"])
def test_sources_move_with_what_starts_from_them(name: str) -> None:
    """A recipe starts from what its own source became, and a source that is trained by itself is still that one."""
    pairs = both(name, "small")
    became = dict(pairs)
    sources = [(old.source, new.source) for old, new in pairs if old.source is not None]

    assert sources
    for old, new in sources:
        assert new is not None
        assert new.seed - old.seed == pairs[0][1].seed - pairs[0][0].seed
        assert new.learning_rate == became.get(old, new).learning_rate != old.learning_rate
        assert old not in became or became[old] == new


def test_a_level_that_only_a_source_or_teacher_has_is_one_of_the_axis() -> None:
    """It is drawn among the others, wherever it stands."""
    recipe = Recipe(learning_rate=0.01, source=Recipe(learning_rate=0.1), teacher=Recipe(learning_rate=1.0))
    (moved,) = held_out([recipe], "mine", SECRET)
    flat = held_out([Recipe(learning_rate=rate) for rate in (0.01, 0.1, 1.0)], "mine", SECRET)

    assert moved.source is not None
    assert moved.teacher is not None
    assert [r.learning_rate for r in (moved, moved.source, moved.teacher)] == [r.learning_rate for r in flat]
    assert {moved.seed, moved.source.seed, moved.teacher.seed} == {flat[0].seed}


def test_siblings_stay_siblings() -> None:
    """Seeds that were equal are, and the others are as far apart: of initialization, order and data."""
    for old, new in both("disagreement", "small"):
        for name in ("init_seed", "data_seed"):
            seed, moved = getattr(old, name), getattr(new, name)
            assert (moved is None) == (seed is None)
            assert seed is None or moved - new.seed == seed - old.seed


def test_the_secret_and_the_name_decide() -> None:
    """The same again for the same; other seeds and levels for another secret, and for another suite."""
    recipes = suites()["digits"].recipes()
    mine, again, other, elsewhere = (
        held_out(recipes, name, secret)
        for name, secret in (("digits", SECRET), ("digits", SECRET), ("digits", OTHER), ("smoke", SECRET))
    )

    assert mine == again
    for one in (other, elsewhere):
        assert not {r.run_id for r in mine} & {r.run_id for r in one}
        assert {r.learning_rate for r in mine}.isdisjoint(r.learning_rate for r in one)


def test_a_known_answer() -> None:
    """The first recipe of the digits suite, on every machine and in every later version of this protocol."""
    recipes = held_out(suites()["digits"].recipes(), "digits", SECRET)

    assert recipes[0].run_id == "digits400-resnet-true_labels-6b183a2a2c57"
    assert {r.learning_rate for r in recipes} == {0.002402, 0.005763}
    assert {r.train_size for r in recipes} == {128, 313}
    assert fingerprint(SECRET) == hmac_by_hand(SECRET, f"gapbench held-out\0{PROTOCOL}\0fingerprint".encode()).hex()


def test_the_fingerprint_is_of_the_secret() -> None:
    """Another secret has another, and no draw can be read from it."""
    assert fingerprint(SECRET) != fingerprint(OTHER)
    assert len(fingerprint(SECRET)) == 64
