"""Numbers of examples, inputs and parameters."""

from zoo.observations.observed import Observed, Trained, observation


@observation
def sizes(trained: Trained) -> Observed:
    """Training examples n, numbers of an image d, and trainable parameters."""
    images = trained.data.train_images
    return {
        "num_examples": float(len(images)),
        "num_inputs": float(images[0].numel()),
        "num_params": float(sum(p.numel() for p in trained.network.parameters())),
    }
