"""Synthetic data sets: what they are made of, their one name, and parameters that are refused."""

import math

import pytest
import torch

from zoo.data.datasets import load
from zoo.data.synthetic import KINDS, Mixture, Synthetic, Teacher, is_synthetic, synthetic
from zoo.errors import DatasetError, RecipeError
from zoo.recipe import Recipe

SPECS = (
    Teacher(dim=12),
    Teacher(dim=12, weak=8, scale=0.5, weak_share=0.25, nonzero=2, train=500, test=100),
    Mixture(dim=5, signal=2),
    Mixture(dim=5, signal=1.5, classes=4),
)


@pytest.mark.parametrize("spec", SPECS, ids=[spec.name for spec in SPECS])
def test_the_name_says_all(spec: Synthetic) -> None:
    """It is read back; the set has the shape that it says, and a recipe accepts it and keeps it out of its run id."""
    images = load(spec.name)

    assert is_synthetic(spec.name)
    assert synthetic(spec.name) == spec
    assert images.train_images.shape == (spec.train, 1, 1, spec.dim)
    assert images.test_images.shape == (spec.test, 1, 1, spec.dim)
    assert Recipe(dataset=spec.name, model="least_squares").run_id.startswith(f"{spec.KIND}-least_squares-")
    assert Recipe(dataset=spec.name).run_id != Recipe(dataset="teacher:dim=13").run_id


def test_labels_are_signs_of_the_teacher() -> None:
    """Two of the four strong features and all eight weak ones, weighted by their shares of the variance."""
    images = load(SPECS[1].name)
    inputs = images.test_images.flatten(1).double()
    score = math.sqrt(0.75 / 2) * inputs[:, :2].sum(1) + math.sqrt(0.25 / 8) * inputs[:, 4:].sum(1) / 0.5

    assert (images.test_labels == (score > 0)).double().mean() > 0.99  # rounding to float32 may tip a label
    assert float(inputs[:, :4].std()) == pytest.approx(1, abs=0.1)
    assert float(inputs[:, 4:].std()) == pytest.approx(0.5, abs=0.05)
    assert float(score.std()) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("spec", SPECS[2:], ids=["two", "four"])
def test_means_of_a_mixture(spec: Mixture) -> None:
    """Opposite for two classes, orthogonal for more; variance one around them."""
    images = load(spec.name)
    inputs, labels = images.train_images.flatten(1), images.train_labels
    means = torch.stack([inputs[labels == k].mean(0) for k in range(spec.classes)])
    expected = torch.zeros_like(means)
    if spec.classes == 2:
        expected[:, 0] = torch.tensor([-2.0, 2.0])
    else:
        expected[:, : spec.classes] = 1.5 * torch.eye(spec.classes)

    torch.testing.assert_close(means, expected, rtol=0, atol=0.25)
    assert float((inputs - means[labels]).std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("teacher:", "No parameter of 'teacher' is called ''"),
        ("teacher:dims=3", "Did you mean: dim"),
        ("teacher:weak=1", "dim must be given"),
        ("teacher:dim=3.5", "dim must be a whole number; got '3.5'"),
        ("teacher:dim=0", "dim must be at least 1; got 0"),
        ("teacher:dim=3,weak=3", r"weak must lie in \[0, dim\) with dim=3; got 3"),
        ("teacher:dim=4,scale=2.0", "scale and weak_share must keep their defaults with weak=0"),
        ("teacher:dim=4,weak=1,weak_share=1.5", r"weak_share must lie in \[0, 1\]; got 1.5"),
        ("teacher:dim=4,weak=1,scale=nan", "scale must be a finite number; got 'nan'"),
        ("teacher:dim=4,weak=2,nonzero=3", r"nonzero must lie in \[0, 2\]"),
        ("teacher:dim=4,weak=2,weak_share=1.0,nonzero=1", "nonzero must be 0 with weak_share=1"),
        ("teacher:dim=1000000", "must be at most 134,217,728 numbers"),
        ("mixture:dim=2,signal=1.0,classes=3", "dim must be at least 3 with classes=3"),
        ("mixture:dim=2,signal=1.0,classes=1", "classes must be at least 2"),
        ("mixture:dim=9,train=3,signal=1.0,classes=4", "train must be at least classes=4"),
        ("mixture:dim=9,signal=-1.0", "signal must be at least 0"),
        ("mixture:dim=9,signal=1", "must be called 'mixture:dim=9,signal=1.0'"),
    ],
)
def test_contradicting_parameters_are_refused_when_the_recipe_is_made(name: str, message: str) -> None:
    """One sentence that names the parameter."""
    with pytest.raises(DatasetError, match=message):
        Recipe(dataset=name)


@pytest.mark.parametrize(
    "change",
    [{"image_side": 1}, {"shift": "fog", "severity": 1}, {"augmentation": "flip"}, {"adversarial_radius": 8.0}],
)
def test_changes_of_images_are_refused(change: dict[str, object]) -> None:
    """They are made for grey levels and rows of pixels."""
    with pytest.raises(RecipeError, match="must keep their defaults with dataset='teacher:dim=4'"):
        Recipe(dataset="teacher:dim=4").replace(**change)


def test_examples_are_synthetic() -> None:
    """What `gapbench list datasets` shows can be used."""
    assert all(name == synthetic(kind.EXAMPLE).KIND for name, kind in KINDS.items())
