"""The shared subjects are worth testing on: trained, away from their start, with batch norm that does something."""

import torch

from measures.api import Subject
from tests.measures.networks import network


def test_a_subject_has_learnt_and_moved(subject: Subject) -> None:
    """It classifies better than chance, and every weight differs from its start."""
    granted = subject._with_needs(frozenset({"init", "twin", "unlabeled"}))
    accuracy = (granted.logits_of(granted.inputs).argmax(1) == granted.labels).double().mean()

    assert accuracy > 0.2
    assert all(not torch.equal(value, granted.init_params[name]) for name, value in granted.params.items())
    assert granted.num_examples == len(granted.unlabeled)
    assert not torch.equal(granted.twin(granted.inputs), granted.logits_of(granted.inputs))


def test_batch_norm_is_not_the_identity() -> None:
    """Running statistics and affine parameters have left their defaults, so that folding them is seen."""
    state = network("conv_bn").model.state_dict()

    for norm in ("1", "5"):
        assert (state[f"{norm}.running_mean"].abs() > 1e-3).all()
        assert ((state[f"{norm}.weight"] - 1).abs() > 1e-6).all()
        assert ((state[f"{norm}.running_var"] - 1).abs() > 1e-3).all()
