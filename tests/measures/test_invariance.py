"""Test the invariances of each measure: order of hidden units, scale of layers, shift and scale of the logits.

The modules in `invariances` say, measure by measure, which of these changes leave its score as it was; every other
change must move it. So each measure stands in exactly one class of each change, and both classes are tested.
"""

import copy
import functools
import importlib
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from harness.checking.changes import bias_free, fitted, renamed, rescaled, scaled, shifted
from measures.registry import catalog
from measures.scores import Score
from measures.scoring import score_subject
from tests.measures.networks import Network, network

MODULES = [
    importlib.import_module(f"tests.measures.invariances.{path.stem}")
    for path in sorted((Path(__file__).parent / "invariances").glob("*.py"))
]
CHANGED = 1e-4  # relative: a smaller difference would not prove that a measure sees the change

CHANGES = ("renamed", "rescaled", "shifted", "scaled")


def scores_with(
    data: Network, state: dict[str, Tensor], init_state: dict[str, Tensor], names: frozenset[str]
) -> dict[str, Score]:
    """Scores of a network whose weights are those of `state`."""
    model = copy.deepcopy(data.model)
    model.load_state_dict(state)
    subject = replace(data, model=model, init_state=init_state).subject()
    return score_subject(subject, [catalog()[name] for name in sorted(names)])


@functools.cache
def relative_differences(change: str) -> dict[str, float]:
    """How much each measure moves when the network is rewritten, its function being the same up to a shift."""
    data = {"rescaled": bias_free, "scaled": fitted}.get(change, functools.partial(network, "mlp"))()
    rewrite = {"renamed": renamed, "rescaled": rescaled, "shifted": shifted, "scaled": scaled}[change]
    names = frozenset(catalog())
    state, start = data.model.state_dict(), data.init_state
    before = scores_with(data, state, start, names)
    # Units are renamed at either end of training; a scale or a shift is that of the trained network alone.
    after = scores_with(data, rewrite(state), rewrite(start) if change == "renamed" else start, names)
    values = {name: (before[name].value, after[name].value) for name in names}
    return {
        name: abs(a - b) / max(abs(a), abs(b), 1e-12)
        for name, (a, b) in values.items()
        if a is not None and b is not None
    }


def declared() -> dict[str, tuple[str, ...]]:
    """For each measure the changes that it does not see, from all modules in `invariances`."""
    found: dict[str, tuple[str, ...]] = {}
    for module in MODULES:
        for name, changes in module.UNSEEN.items():
            assert name not in found, f"{name} is declared twice"
            found[name] = tuple(changes.split())
    return found


def nearly() -> dict[tuple[str, str], float]:
    """Unseen up to this relative difference, by measure and change; the reason stands beside it."""
    return {key: bound for module in MODULES for key, bound in getattr(module, "NEARLY", {}).items()}


def test_every_measure_says_what_it_does_not_see() -> None:
    """A new measure has to say what it sees."""
    assert set(declared()) == set(catalog())
    assert set().union(*declared().values()) <= set(CHANGES)
    assert set(nearly()) <= {(name, change) for name, changes in declared().items() for change in changes}


@pytest.mark.parametrize(("name", "change"), [(name, change) for name in sorted(declared()) for change in CHANGES])
def test_what_is_seen_moves_and_what_is_unseen_does_not(name: str, change: str) -> None:
    """Unseen: the same up to rounding. Seen: it moves, so that nothing is listed as seen out of caution."""
    difference = relative_differences(change)[name]

    if change in declared()[name]:
        assert difference < nearly().get((name, change), 1e-6)
    else:
        assert difference > CHANGED
