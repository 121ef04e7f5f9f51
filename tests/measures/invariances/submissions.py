"""What the submissions do not see: see `tests.measures.test_invariance`."""

UNSEEN = {
    "decov": "renamed shifted scaled",
    "nuclear_norm": "renamed rescaled shifted",
}
