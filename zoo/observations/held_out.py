"""Error on training images that the network was not trained on, to choose a hyperparameter by."""

from zoo.observations.observed import Observed, Trained, observation


@observation
def held_out_error(trained: Trained) -> Observed:
    """Share of the held-out training images whose true class is not predicted; nothing where there are none.

    Up to 1,000 images, see `zoo.corruptions.preparation.prepare`. No test image is among them.
    """
    data = trained.data
    if not len(data.held_out_labels):
        return {}
    wrong = trained.predictions(data.held_out_images) != data.held_out_labels
    return {"held_out_error": float(wrong.double().mean())}
