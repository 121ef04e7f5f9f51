"""The memory of a network that was scored is free as soon as nobody refers to it."""

import gc
import weakref

import pytest

from measures.registry import catalog
from measures.scoring import score_subject
from tests.measures.networks import network


@pytest.mark.parametrize("name", ["conv_bn", "mlp"])
def test_a_scored_subject_holds_no_cycle(name: str) -> None:
    """Weights fold in the first and not in the second; no cycle waits for Python's garbage collector."""
    subject = network(name).subject()
    cache = weakref.ref(subject._cache)
    chosen = [measure for measure in catalog().values() if not measure.on_request]
    gc.collect()
    gc.disable()
    try:
        scores = score_subject(subject, chosen)
        del subject
        assert cache() is None
    finally:
        gc.enable()
    assert sum(score.outcome == "scored" for score in scores.values()) > len(chosen) / 2
