"""Every intervention of training: it acts, and a member of a fleet is the network that the plain loop trains."""

from typing import Any

import pytest
import torch

from zoo.recipe import Recipe
from zoo.training.gradient_rules import minibatch_weights
from zoo.training.record import TrainedRun
from zoo.training.train import train

BASE = Recipe(
    train_size=96, batch_size=16, learning_rate=0.05, target_loss=0.0, max_epochs=4, corruption="gaussian", width=0.5
)
TEACHER = BASE.replace(width=1.0, max_epochs=2, seed=3)

# One of each field, alone or with those that it needs; "_" separates cases of one field.
INTERVENTIONS: dict[str, dict[str, Any]] = {
    "momentum": {"momentum": 0.5},
    "weight_decay": {"weight_decay": 0.05},
    "label_resampling": {"label_resampling": 0.3},
    "class_noise": {"class_noise": ((3, 5, 0.5),)},
    "classes": {"classes": (1, 4, 7)},
    "pairs": {"pairs": 1},
    "batch_norm": {"model": "nin", "batch_norm": False},
    "dropout": {"dropout": 0.3},
    "dropout_nin": {"model": "nin", "dropout": 0.3},
    "rank": {"rank": 0.25},
    "rank_nin": {"model": "nin", "rank": 0.25},
    "sparsity": {"sparsity": 0.7},
    "loss": {"loss": "squared_error"},
    "label_smoothing": {"label_smoothing": 0.1},
    "spectral_decoupling": {"spectral_decoupling": 0.1},
    "vector_scaling": {"vector_scaling": 0.5, "classes": (0, 1), "train_size": 97},
    "teacher": {"teacher": TEACHER},
    "schedule_linear": {"schedule": "linear"},
    "schedule_cosine": {"schedule": "cosine"},
    "schedule_step": {"schedule": "step"},
    "schedule_exponential": {"schedule": "exponential"},
    "clip_norm": {"clip_norm": 0.5},
    "noise_scale": {"noise_scale": 0.01},
    "noise_tail": {"noise_scale": 0.001, "noise_tail": 1.4, "clip_norm": 1.0},
    "noise_batch": {"noise_scale": 0.5, "noise_tail": 1.4, "noise_batch": 4, "clip_norm": 1.0},
    "data_order_none": {"data_order": "none"},
    "data_order_corgipile": {"data_order": "corgipile"},
    "data_order_corgi2": {"data_order": "corgi2"},
    "augmentation_crop": {"augmentation": "crop"},
    "augmentation_flip": {"augmentation": "flip"},
    "augmentation_crop_flip": {"augmentation": "crop_flip"},
    "adversarial_radius": {"adversarial_radius": 8.0, "adversarial_steps": 3},
    "pretrain_copies": {"pretrain_copies": 2, "pretrain_epochs": 2},
    "pretrain_erasure": {"pretrain_copies": 2, "pretrain_erasure": 0.1, "pretrain_epochs": 2},
    "source": {"source": BASE.replace(max_epochs=2, seed=3)},
    "tuned_layers": {"source": BASE.replace(max_epochs=2, seed=3), "tuned_layers": ("5",), "weight_decay": 0.1},
    "frozen_layers": {"source": BASE.replace(max_epochs=2, seed=3), "frozen_layers": ("1",), "weight_decay": 0.1},
    "prune": {"prune": 0.75, "prune_rounds": 2},
    "prune_rewound": {"prune": 0.75, "prune_rounds": 2, "rewind_epoch": 2},
    "prune_rate": {"prune": 0.75, "prune_rounds": 2, "rewind_epoch": 2, "rewind": "learning_rate"},
    "checkpoints": {"checkpoints": "doubling"},
    "checkpoints_fourfold": {"checkpoints": "fourfold"},
}


def trained(*recipes: Recipe, fleet: int) -> dict[str, TrainedRun]:
    """Runs by id, in float64, where a fleet and a loop differ by rounding alone."""
    return {run.recipe.run_id: run for run in train(recipes, fleet=fleet, dtype=torch.float64)}


def flat(run: TrainedRun) -> torch.Tensor:
    """All final parameters and buffers side by side."""
    return torch.cat([value.double().flatten() for value in run.final.values()])


@pytest.mark.parametrize("name", INTERVENTIONS)
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_member_is_what_the_plain_loop_trains(name: str, optimizer: str) -> None:
    """Beside a neighbour of another seed and, where the shape allows it, one without the intervention."""
    plain = BASE.replace(optimizer=optimizer, learning_rate=0.05 if optimizer == "sgd" else 0.003)
    recipe = plain.replace(**INTERVENTIONS[name])
    together = trained(plain, recipe, recipe.replace(seed=1), fleet=3)
    alone = trained(recipe, fleet=1)[recipe.run_id]
    member = together[recipe.run_id]

    torch.testing.assert_close(flat(member), flat(alone), rtol=1e-6, atol=1e-9)
    assert member.record.losses == pytest.approx(alone.record.losses, rel=1e-5)
    assert member.record.epochs == alone.record.epochs == len(member.record.losses)


@pytest.mark.parametrize("name", [name for name in INTERVENTIONS if not name.startswith("checkpoints")])
def test_an_intervention_acts(name: str) -> None:
    """The network is another one than without it."""
    recipe = BASE.replace(**INTERVENTIONS[name])
    shape: dict[str, Any] = {"model": recipe.model, "train_size": recipe.train_size}
    shape |= {} if name == "classes" else {"classes": recipe.classes}
    with_it, without = (flat(run) for run in train([recipe, BASE.replace(**shape)], fleet=1, dtype=torch.float64))

    assert with_it.shape != without.shape or float((with_it - without).norm() / without.norm()) > 1e-3


def test_noise_of_minibatches_by_hand() -> None:
    """Weighted gradients are g_s + c Z (g_s - g_b), for the Z of the stream; Z follows Pareto's law."""
    recipe = BASE.replace(noise_scale=0.5, noise_tail=1.4, noise_batch=4)
    gradients = torch.randn(16, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    small, whole = gradients[:4].mean(0), gradients.mean(0)
    z = float((1 - torch.rand(1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)) ** (-1 / 1.4))
    found = minibatch_weights(16, recipe, torch.Generator().manual_seed(1)) @ gradients
    torch.testing.assert_close(found, small + 0.5 * z * (small - whole))

    stream = torch.Generator().manual_seed(2)
    last = torch.tensor([float(minibatch_weights(16, recipe, stream)[-1]) for _ in range(4000)])  # -c Z / b
    share = float((-last * 16 / 0.5 > 2).double().mean())
    assert share == pytest.approx(2**-1.4, abs=0.03)  # four standard errors of a share
    assert minibatch_weights(16, BASE, stream).tolist() == [1 / 16] * 16
