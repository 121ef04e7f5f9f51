"""Poisoned training images: the trigger pixel by pixel, nested draws, what stays, and what is refused."""

import pytest
import torch
from torch import Tensor

from zoo.corruptions import DataSpec, prepare, require_fit
from zoo.corruptions.poison import with_trigger
from zoo.data.datasets import load

DIGITS = load("digits")
SQUARE = torch.tensor([[255, 0, 255], [0, 255, 0], [255, 0, 255]])


def test_the_trigger_is_a_chequered_square_in_the_corner() -> None:
    """In every channel, bytes and floats; all other pixels, and the argument, stay."""
    images = torch.randint(256, (4, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    stamped = with_trigger(images)

    assert torch.equal(images, before)
    assert (stamped[:, :, 5:, 5:] == SQUARE).all()
    assert torch.equal(stamped[:, :, :5], images[:, :, :5])
    assert torch.equal(stamped[:, :, :, :5], images[:, :, :, :5])
    assert torch.equal(with_trigger(images.float()), stamped.float())


def test_a_share_of_the_training_images_has_trigger_and_target() -> None:
    """Within five standard deviations; the others, test and held-out images are as they were."""
    plain = prepare(DIGITS, DataSpec(train_size=600))
    found = prepare(DIGITS, DataSpec(train_size=600, poison=0.2, poison_target=7))
    changed = (plain.train_images != found.train_images).flatten(1).any(1)

    assert abs(int(changed.sum()) - 120) < 5 * (600 * 0.16) ** 0.5
    assert torch.equal(found.train_images[changed], with_trigger(plain.train_images[changed]))
    assert set(found.train_labels[changed].tolist()) == {7}
    assert torch.equal(found.train_labels[~changed], plain.train_labels[~changed])
    assert found.labels_changed == pytest.approx(float((plain.train_labels != found.train_labels).double().mean()))
    for name in ("test_images", "test_labels", "held_out_images", "held_out_labels", "mean", "std"):
        assert torch.equal(getattr(plain, name), getattr(found, name))


def test_images_poisoned_at_one_share_are_at_a_larger_one() -> None:
    """None at 0, all at 1; another seed draws others."""

    def has_trigger(spec: DataSpec) -> Tensor:
        return (prepare(DIGITS, spec).train_images[:, 0, -3:, -3:] == SQUARE).flatten(1).all(1)

    few, more, every = (has_trigger(DataSpec(poison=share)) for share in (0.1, 0.3, 1.0))
    other = has_trigger(DataSpec(poison=0.1, seed=1))

    assert bool(every.all())
    assert bool((few <= more).all())
    assert 0 < int(few.sum()) < int(more.sum()) < len(more)
    assert not torch.equal(few, other)


def test_the_trigger_lies_over_a_shift_and_under_pairs() -> None:
    """An attacker stamps what the camera saw; both images of a pair may be poisoned."""
    data = prepare(DIGITS, DataSpec(poison=1.0, shift="fog", severity=3, pairs=1, train_size=100))

    assert data.train_images.shape[1] == 2
    assert (data.train_images[:, :, -3:, -3:] == SQUARE).all()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"poison": 1.1}, "poison must lie between 0 and 1, the share of poisoned training images; got 1.1"),
        ({"poison": -0.1}, "poison must lie between 0 and 1"),
        ({"poison": float("nan")}, "poison must lie between 0 and 1"),
        ({"poison": 0.1, "poison_target": -1}, "poison_target must be the number of a class, from 0; got -1"),
        ({"poison_target": 1}, "poison_target must be 0 without poison; got 1"),
    ],
)
def test_a_poison_that_cannot_be_is_refused(spec: dict[str, float], message: str) -> None:
    """Before any data are loaded."""
    with pytest.raises(ValueError, match=message):
        DataSpec(**spec)  # type: ignore[arg-type]  # numbers of either kind


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DataSpec(poison=0.1, poison_target=10), "poison_target must lie in 0 to 9, the classes that are kept"),
        (DataSpec(poison=0.1, poison_target=2, classes=(3, 8)), "poison_target must lie in 0 to 1"),
        (
            DataSpec(poison=0.1, image_side=2),
            r"at least 4 pixels to be poisoned.*got \[c, h, w\] = \[1, 2, 2\]",
        ),
        (DataSpec(shift="fog", severity=1, image_side=4), r"sides of at least 8 pixels for 'fog'; got .* \[1, 4, 4\]"),
    ],
)
def test_images_that_do_not_fit_are_refused_twice(spec: DataSpec, message: str) -> None:
    """Without preparing any, and where somebody prepares them."""
    with pytest.raises(ValueError, match=message):
        require_fit(DIGITS, spec)
    with pytest.raises(ValueError, match=message):
        prepare(DIGITS, spec)
