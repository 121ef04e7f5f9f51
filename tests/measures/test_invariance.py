"""What each measure does not see: the order of hidden units, the scale of ReLU layers, a constant on all logits.

Every measure of the catalogue stands in exactly one list of each property, and both lists are tested.
"""

import copy
import functools

import pytest
from torch import Tensor, nn

from measures.api import Subject
from measures.catalog import catalog
from measures.scoring import Score, score_subject
from tests.measures.networks import Network, network, trained

CHANGED = 1e-4  # relative: a smaller difference would not prove that a measure sees the change

# -- hidden units renamed

RENAMING_UNSEEN = {
    "coherence", "constant", "cross_entropy", "disagreement_train_aug", "fisher_rao", "fro_dist", "fro_over_spec",
    "gde_disagreement", "grad_noise_final", "gsnr", "hess_top", "input_margin", "inverse_margin", "l2", "l2_dist",
    "mean_margin", "norm_margin_spec", "param_norm", "params", "path_norm", "prod_of_spec",
    "sam_sharpness", "self_influence", "sum_of_spec", "train_error",
}  # fmt: skip
RENAMING_SEEN = {  # estimates draw noise weight by weight: other units get other draws, their expectation is the same
    "hess_trace", "pacbayes_flatness", "pacbayes_init", "pacbayes_mag_flatness", "pacbayes_orig",
}  # fmt: skip

# -- layers rescaled: 4 W_1, W_3 / 4

RESCALING_UNSEEN = {
    "constant", "cross_entropy", "disagreement_train_aug", "fisher_rao", "fro_over_spec", "gde_disagreement", "gsnr",
    "input_margin", "inverse_margin", "mean_margin", "norm_margin_spec", "pacbayes_mag_flatness", "params", "path_norm",
    "prod_of_spec", "sum_of_spec", "train_error",
}  # fmt: skip
RESCALING_SEEN = {
    "coherence", "fro_dist", "grad_noise_final", "hess_top", "hess_trace", "l2", "l2_dist", "pacbayes_flatness",
    "pacbayes_init", "pacbayes_orig", "param_norm", "sam_sharpness",
    "self_influence",  # by its damping alone
}  # fmt: skip

# -- a constant on all logits, through the last bias

SHIFT_UNSEEN = {
    "coherence", "constant", "cross_entropy", "disagreement_train_aug", "fisher_rao", "fro_dist", "fro_over_spec",
    "gde_disagreement", "grad_noise_final", "gsnr", "hess_top", "hess_trace", "input_margin", "inverse_margin", "l2",
    "l2_dist", "mean_margin", "norm_margin_spec", "pacbayes_flatness", "param_norm", "params", "prod_of_spec",
    "sam_sharpness", "self_influence", "sum_of_spec", "train_error",
}  # fmt: skip
SHIFT_SEEN = {
    "pacbayes_init", "pacbayes_orig",  # the posterior is over biases too
    "pacbayes_mag_flatness",  # a larger bias gets more noise
    "path_norm",  # biases are paths too
}  # fmt: skip


# Unseen up to this relative difference, for the reason beside it.
NEARLY = {("rescaled", "pacbayes_mag_flatness"): 0.05}  # the floor under its noise does not scale


@functools.cache
def bias_free() -> Network:
    """Three linear layers of ReLU without biases, trained on digits."""
    data = network("mlp")

    def build() -> nn.Module:
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, 10, bias=False), nn.ReLU(), nn.Linear(10, 8, bias=False), nn.ReLU(),
            nn.Linear(8, 10, bias=False),
        )  # fmt: skip

    model, init_state = trained(build, data.inputs, data.labels, seed=0)
    twin, _ = trained(build, data.inputs, data.labels, seed=1)
    return Network("bias_free", model, init_state, twin, data.inputs, data.labels, data.unlabeled)


def rescaled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first layer four times as large, the third a quarter: exact in binary, and the same function."""
    return {**state, "1.weight": state["1.weight"] * 4, "5.weight": state["5.weight"] / 4}


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first hidden layer in the reverse order."""
    changed = {**state, "1.weight": state["1.weight"].flip(0), "3.weight": state["3.weight"].flip(1)}
    return {**changed, "1.bias": state["1.bias"].flip(0)} if "1.bias" in state else changed


def shifted(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Every output bias larger by two."""
    return {**state, "5.bias": state["5.bias"] + 2}


def scores_with(
    data: Network, state: dict[str, Tensor], init_state: dict[str, Tensor], names: frozenset[str]
) -> dict[str, Score]:
    """Scores of a network whose weights are those of `state`."""
    model = copy.deepcopy(data.model)
    model.load_state_dict(state)
    subject = Subject(model, data.inputs, data.labels, init_state=init_state, twin=data.twin, unlabeled=data.unlabeled)
    return score_subject(subject, [catalog()[name] for name in sorted(names)])


@functools.cache
def relative_differences(change: str) -> dict[str, float]:
    """How much each measure moves when the network is rewritten, its function being the same up to a shift."""
    data = {"renamed": network("mlp"), "rescaled": bias_free(), "shifted": network("mlp")}[change]
    rewrite = {"renamed": renamed, "rescaled": rescaled, "shifted": shifted}[change]
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


PROPERTIES = {
    "renamed": (RENAMING_UNSEEN, RENAMING_SEEN),
    "rescaled": (RESCALING_UNSEEN, RESCALING_SEEN),
    "shifted": (SHIFT_UNSEEN, SHIFT_SEEN),
}


@pytest.mark.parametrize("change", sorted(PROPERTIES))
def test_every_measure_stands_in_one_list(change: str) -> None:
    """A new measure has to say what it sees."""
    unseen, seen = PROPERTIES[change]

    assert not unseen & seen
    assert unseen | seen == set(catalog())


@pytest.mark.parametrize(
    ("change", "name"), [(change, name) for change, lists in sorted(PROPERTIES.items()) for name in sorted(lists[0])]
)
def test_unseen(change: str, name: str) -> None:
    """The score stays the same up to rounding."""
    assert relative_differences(change)[name] < NEARLY.get((change, name), 1e-6)


@pytest.mark.parametrize(
    ("change", "name"), [(change, name) for change, lists in sorted(PROPERTIES.items()) for name in sorted(lists[1])]
)
def test_seen(change: str, name: str) -> None:
    """The score moves, so that the measure is not listed here out of caution."""
    assert relative_differences(change)[name] > CHANGED
