"""Measures of the literature that the catalogue leaves out, and why."""

from typing import Final

ABSENT: Final[dict[str, str]] = {
    "rrm_rationality": "it compares with the accuracy on labelled test data, which a measure does not see",
    "loo_cmi": "it takes a network for each example that is left out; replace_one_stability leaves a tenth out at once",
    "lotfi_bound": "it bounds networks that were trained in a random subspace and quantized meanwhile",
}
