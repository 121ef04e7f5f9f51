"""Augmented images pixel by pixel, and the penalty one image at a time."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from measures.api import Subject, UnsupportedModelError
from measures.catalogue.outputs.augmentation import AUGMENTATIONS, augmentation_penalty, shift_each_way
from measures.catalogue.reruns.disagreement import SHIFTS
from measures.passes.activations.augmentations import blur, brighten, mirror, rotate, scale_contrast, shift, zoom_in
from measures.passes.activations.mixtures import augment_examples


@pytest.fixture
def images() -> Tensor:
    """Two smooth images of two channels, wider than high."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 8), torch.linspace(-1, 1, 10), indexing="ij")
    planes = [x + 2 * y, x * y, y - x.square(), torch.cos(2 * x)]
    return torch.stack(planes).double().reshape(2, 2, 8, 10)


def test_pixels_of_simple_augmentations(images: Tensor) -> None:
    """Mirror, brightness, contrast, and a mean of neighbours by scipy."""
    assert torch.equal(mirror(images)[:, :, :, 0], images[:, :, :, 9])
    assert torch.equal(brighten(images, 0.25), images + 0.25)
    for before, after in zip(images, scale_contrast(images, 1.5), strict=True):
        assert torch.allclose(after - before.mean(), 1.5 * (before - before.mean()))
    expected = ndimage.uniform_filter(images.numpy(), (1, 1, 3, 3), mode="nearest")
    assert np.allclose(blur(images).numpy(), expected)


def test_zoom_and_turn_are_affine_maps_about_the_middle(images: Tensor) -> None:
    """The same pixels as scipy fetches."""
    middle = np.array([3.5, 4.5])
    angle = math.radians(15)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])  # of (row, column)
    for matrix, found in ((np.eye(2) / 1.25, zoom_in(images, 1.25)), (turn, rotate(images, 15))):
        for before, after in zip(images.reshape(4, 8, 10), found.reshape(4, 8, 10), strict=True):
            offset = middle - matrix @ middle
            expected = ndimage.affine_transform(before.numpy(), matrix, offset, order=1, mode="nearest")
            assert np.allclose(after.numpy(), expected, atol=1e-9)


def test_each_image_is_zoomed_by_its_own_factor(images: Tensor) -> None:
    """One leaves it as it is."""
    found = zoom_in(images, torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1))

    assert torch.allclose(found[0], images[0])
    assert torch.allclose(found[1:], zoom_in(images[1:], 2.0))


def test_the_penalty_one_image_at_a_time(mlp: Subject) -> None:
    """The change of the probability where the answer stays, one where it goes."""
    images = mlp.inputs[mlp.sample(36)]
    total = []
    for augment in AUGMENTATIONS.values():
        for before, after in zip(images, augment(images), strict=True):
            p, q = (mlp.model(x.unsqueeze(0))[0].softmax(0) for x in (before, after))
            total.append(float((q[p.argmax()] - p.max()).abs()) if int(p.argmax()) == int(q.argmax()) else 1.0)

    assert len(AUGMENTATIONS) == 7
    assert 0 < total.count(1.0) < len(total) == 7 * 36
    assert augmentation_penalty(mlp) == pytest.approx(np.mean(total), rel=1e-10)


def test_networks_that_do_not_look_are_not_punished() -> None:
    """A constant network has no penalty; vectors cannot be augmented."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2)).double()
    nn.init.zeros_(network.get_parameter("1.weight"))
    data = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    subject = Subject(network, data, torch.zeros(5).long())

    assert augmentation_penalty(subject) == 0
    with pytest.raises(UnsupportedModelError, match="Only images"):
        augmentation_penalty(Subject(network, data.flatten(1), torch.zeros(5).long()))


def test_augmented_images_are_composed(mlp: Subject) -> None:
    """Zoom, contrast, brightness, mirror, each with a draw for every image; then the same with one minus the draws."""
    generator = mlp.generator("augmented")
    draws = torch.rand(4, 36, 1, 1, 1, generator=generator).flatten(1).T.double()
    found = augment_examples(mlp)
    strengths = [*draws.tolist(), *(1 - draws).tolist()]
    for (zoom, contrast, light, coin), index, image in zip(
        strengths, mlp.sample(36).repeat(2), found.inputs, strict=True
    ):
        expected = zoom_in(mlp.inputs[index][None], 1 + zoom / 3)
        expected = brighten(scale_contrast(expected, 0.75 + contrast / 2), -0.25 + light / 2)
        assert torch.allclose(image, (mirror(expected) if coin < 0.5 else expected)[0])

    assert torch.equal(found.labels, mlp.labels[mlp.sample(36)].repeat(2))
    assert 8 < int((draws[:, 3] < 0.5).sum()) < 28


def test_shifts_in_whole_pixels(images: Tensor) -> None:
    """An eighth of eight rows and of ten columns is one and two pixels; what leaves is replaced by the border."""
    down, left = shift(images, 1 / 8, 0), shift(images, 0, -1 / 8)

    assert torch.equal(down[:, :, 1:], images[:, :, :-1])
    assert torch.equal(down[:, :, 0], images[:, :, 0])
    assert torch.equal(left[..., :-2], images[..., 2:])
    assert torch.equal(left[..., -2:], images[..., -1:].expand(-1, -1, -1, 2))


def test_images_are_shifted_each_way_in_turn(images: Tensor) -> None:
    """The first four towards the corners, the fifth as the first."""
    many = images[:1].expand(5, -1, -1, -1)
    moved = shift_each_way(many)

    assert [torch.equal(moved[0], other) for other in moved[1:]] == [*[False] * 3, True]
    for image, (by, across) in zip(moved, SHIFTS, strict=False):
        assert torch.equal(image, shift(images[:1], by, across)[0])
