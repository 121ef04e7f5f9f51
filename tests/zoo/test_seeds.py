"""Seeds and generators from names."""

import hashlib

import torch
from hypothesis import given
from hypothesis import strategies as st

from measures import api
from zoo.seeds import generator, seed_for

names = st.lists(st.one_of(st.text(), st.integers(), st.floats(allow_nan=False)), max_size=4)


@given(names)
def test_seed_is_the_first_63_bits_of_sha256(parts: list[object]) -> None:
    """Transcribed with the digest as one number of 256 bits."""
    digest = int(hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest(), 16)

    assert seed_for(*parts) == digest >> (256 - 63)
    assert 0 <= seed_for(*parts) < 2**63


def test_seed_is_that_of_the_measures() -> None:
    """The rooms import nothing of each other and agree all the same."""
    assert seed_for("digits", 7, "noise") == api.seed_for("digits", 7, "noise")


def test_seed_is_pinned() -> None:
    """If this changes, every stored run was made from other draws than its recipe now gives."""
    assert seed_for("digits", "train_size", 0) == 2657980058646765484


def test_boundaries_between_names_count() -> None:
    """The names are not run together."""
    assert seed_for("ab", "c") != seed_for("a", "bc")
    assert seed_for(1, 2) != seed_for(2, 1)


def test_generator_repeats_its_stream_and_leaves_the_global_one_alone() -> None:
    """The same names give the same draws, others give others."""
    before = torch.random.get_rng_state()
    first, again, other = (torch.rand(100, generator=generator("digits", name)) for name in ("a", "a", "b"))

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert generator("x").device == torch.device("cpu")
    assert generator("x").initial_seed() == seed_for("x")
