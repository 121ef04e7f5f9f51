"""Recipes refuse what cannot be trained, and their ids stay what they are."""

import dataclasses
import json
from typing import Any

import pytest

from zoo.errors import UnknownModelError
from zoo.recipe import Recipe

SHIFT = ("shift", "severity", "shift_on")  # change together

PINNED = Recipe(model="vit", learning_rate=0.003, corruption="partial_labels", corruption_p=0.5, seed=1)


def test_the_run_id_is_pinned() -> None:
    """A changed id would orphan every stored run."""
    assert PINNED.run_id == "digits-vit-partial_labels-c80d616211f3"


def test_the_run_id_depends_on_changed_fields_alone() -> None:
    """A field at its default adds nothing to the hash, so that a new field renames no run."""
    assert PINNED.changed() == {
        "model": "vit", "learning_rate": 0.003, "corruption": "partial_labels", "corruption_p": 0.5, "seed": 1,
    }  # fmt: skip
    assert Recipe(momentum=0.9).run_id == Recipe().run_id


OTHER: dict[str, Any] = {
    "dataset": "cifar10", "classes": (0, 1), "merged": (0, 1), "image_side": 4, "train_size": 100,
    "train_part": 1, "imbalance": 10.0, "pairs": 1, "poison": 0.1, "poison_target": 3,
    "unlabeled": "half_of_test", "corruption": "random_labels", "class_noise": ((3, 5, 0.3),), "label_resampling": 0.1,
    "width": 2.0, "bandwidth": 2.0, "depth": 3, "stem": "fitted", "batch_norm": False,
    "pretrained": "some.safetensors", "frozen_layers": ("1",),
    "dropout": 0.1, "rank": 0.5, "sparsity": 0.5, "loss": "squared_error", "label_smoothing": 0.1,
    "spectral_decoupling": 0.1, "vector_scaling": 0.5, "teacher": Recipe(width=2.0), "optimizer": "adamw",
    "learning_rate": 0.2, "schedule": "cosine", "momentum": 0.0, "weight_decay": 0.1, "clip_norm": 1.0,
    "noise_scale": 0.1, "noise_tail": 1.5, "noise_batch": 8, "batch_size": 16, "data_order": "corgi2",
    "augmentation": "crop",
    "adversarial_radius": 8.0, "adversarial_steps": 7, "pretrain_copies": 10, "pretrain_erasure": 0.1,
    "pretrain_epochs": 10, "pretrain_target_loss": 0.1, "source": Recipe(seed=3), "tuned_layers": ("5",), "prune": 0.5,
    "prune_rounds": 3, "rewind": "learning_rate", "rewind_epoch": 2, "checkpoints": "doubling", "max_epochs": 10,
    "target_loss": 0.1, "seed": 7, "init_seed": 7, "data_seed": 7,
}  # fmt: skip
NEEDED: dict[str, dict[str, Any]] = {  # beside which a field means something
    "poison_target": {"poison": 0.1},
    "train_part": {"train_size": 100}, "bandwidth": {"model": "kernel_gaussian"},
    "batch_norm": {"model": "resnet"}, "noise_tail": {"noise_scale": 0.1}, "noise_batch": {"noise_scale": 0.1},
    "tuned_layers": {"source": Recipe(seed=3)},
    "frozen_layers": {"pretrained": "some.safetensors"}, "stem": {"model": "test_vit"},
    "adversarial_steps": {"adversarial_radius": 8.0},
    **{field: {"pretrain_copies": 2} for field in ("pretrain_erasure", "pretrain_epochs", "pretrain_target_loss")},
    **{field: {"prune": 0.5} for field in ("prune_rounds", "rewind", "rewind_epoch")},
}  # fmt: skip


@pytest.mark.parametrize(
    "field", [f.name for f in dataclasses.fields(Recipe) if f.name not in ("model", "corruption_p", *SHIFT)]
)
def test_every_field_changes_the_run_id(field: str) -> None:
    """Two recipes that differ never share an id, and each survives its record and a way through JSON."""
    without = Recipe(**NEEDED.get(field, {}))
    recipe = without.replace(**{field: OTHER[field]})

    assert recipe.run_id != without.run_id
    assert Recipe.from_changed(json.loads(json.dumps(recipe.changed()))) == recipe


@pytest.mark.parametrize("field", sorted(NEEDED))
def test_a_field_without_what_it_needs_is_refused(field: str) -> None:
    """It would do nothing; the message names it and what it stands beside."""
    with pytest.raises(ValueError, match=field):
        Recipe(**{field: OTHER[field]})


def test_shifts_change_the_run_id() -> None:
    """Each of the three fields, and a recipe with one survives its record."""
    shifts = [("fog", 1, "both"), ("frost", 1, "both"), ("fog", 2, "both"), ("fog", 1, "train"), ("fog", 1, "test")]
    recipes = [Recipe().replace(**dict(zip(SHIFT, shift, strict=True))) for shift in shifts]
    assert len({Recipe().run_id, *(recipe.run_id for recipe in recipes)}) == 6
    assert [Recipe.from_changed(recipe.changed()) for recipe in recipes] == recipes


def test_a_recipe_survives_its_record() -> None:
    """What is stored gives the recipe back; a field of another version is refused."""
    assert Recipe.from_changed(PINNED.changed()) == PINNED
    with pytest.raises(ValueError, match="known fields; got temperature"):
        Recipe.from_changed({"temperature": 0.5})


def test_what_a_recipe_builds_on_follows_to_another_image_set() -> None:
    """Sources and teachers, and theirs, with every other choice as it was."""
    first = Recipe(seed=1)
    recipe = Recipe(source=Recipe(seed=2, source=first), teacher=Recipe(width=2.0, teacher=first))
    moved = recipe.on("mine")

    assert recipe.builds_on == {"source": recipe.source, "teacher": recipe.teacher}
    assert first.builds_on == {}
    there = Recipe(dataset="mine", seed=1)
    source, teacher = Recipe(dataset="mine", seed=2, source=there), Recipe(dataset="mine", width=2.0, teacher=there)
    assert moved == Recipe(dataset="mine", source=source, teacher=teacher)
    assert moved.on("digits") == recipe


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be positive; got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a finite number; got nan"),
        ({"momentum": 1.0}, "momentum must lie in"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0"),
        ({"width": -1.0}, "width must be positive"),
        ({"depth": 0}, "depth must be at least 1"),
        ({"stem": "small", "model": "test_vit"}, "stem must be one of none, fitted"),
        ({"pretrained": "some.pt"}, "pretrained must be the path of a file that ends in .safetensors.*got 'some.pt'"),
        ({"pretrained": "timm"}, "pretrained must be a file with model='mlp', for which timm has no weights"),
        ({"pretrained": "some.safetensors", "source": Recipe()}, "source must keep their defaults with pretrained="),
        ({"pretrained": "some.safetensors", "pretrain_copies": 2}, "keep their defaults with pretrain_copies=2"),
        ({"frozen_layers": ("1",)}, "frozen_layers must be empty without a source, pretrained or pretrain_copies"),
        ({"source": Recipe(), "tuned_layers": ("1",), "frozen_layers": ("3",)}, "with frozen_layers="),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"max_epochs": 0}, "max_epochs must be at least 1"),
        ({"target_loss": -0.1}, "target_loss must be at least 0"),
        ({"train_size": 0}, "train_size must be at least 1"),
        ({"train_size": 16, "batch_size": 32}, "batch_size must be at most train_size"),
        ({"dataset": " "}, "dataset must name an image set"),
        ({"optimizer": "adam"}, "optimizer must be one of sgd, adamw; got 'adam'"),
        ({"corruption": "random_label"}, "Did you mean: random_labels"),
        ({"corruption": "partial_labels"}, "corruption_p must be above 0"),
        ({"corruption_p": 0.5}, "p must be 0 with 'true_labels'"),
        ({"corruption": "partial_labels", "corruption_p": 1.5}, "p must lie between 0 and 1"),
        ({"severity": 1}, "severity must be 0 without a shift; got 1"),
        ({"shift_on": "test"}, "shift_on must be 'both' without a shift; got 'test'"),
        ({"shift": "fog"}, "severity must be 1, 2, 3, 4 or 5 with 'fog'; got 0"),
        ({"shift": "fogs", "severity": 1}, "Did you mean: fog"),
        ({"shift": "fog", "severity": 1, "shift_on": "none"}, "shift_on must be one of train, test, both; got 'none'"),
        ({"shift": "fog", "severity": 1, "corruption": "gaussian"}, "shift must be None with corruption='gaussian'"),
        ({"model": "resnet18", "width": 2.0}, "width and depth must keep their defaults"),
    ],
)
def test_impossible_recipes_are_refused(fields: dict[str, Any], message: str) -> None:
    """The message names the field and what it must be."""
    with pytest.raises(ValueError, match=message):
        Recipe(**fields)


def test_an_unknown_model_is_answered_with_suggestions() -> None:
    """Of families and of timm's models."""
    with pytest.raises(UnknownModelError, match=r"No model is called 'resnet19'\. Did you mean: .*resnet18"):
        Recipe(model="resnet19")
