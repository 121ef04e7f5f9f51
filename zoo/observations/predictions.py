"""Predictions of a network on the test set, image by image."""

from zoo.observations.observed import Observed, Trained, observation


@observation
def test_predictions(trained: Trained) -> Observed:
    """The predicted class of every test image, and the true one."""
    return {
        "test_predictions": trained.predictions(trained.data.test_images).tolist(),
        "test_labels": trained.data.test_labels.tolist(),
    }
