"""Balanced test error: each class counts alike, however many images it has."""

import torch

from zoo.observations.observed import Observed, Trained, observation


@observation
def balanced_error(trained: Trained) -> Observed:
    r"""Mean over the k classes of the share of their test images that are called another class.

    .. math:: 1 - \frac{1}{k} \sum_c \frac{1}{n_c} \sum_{i : y_i = c} [f(x_i) = c]

    One minus the balanced accuracy of Brodersen et al. 2010, doi:10.1109/ICPR.2010.764. Classes without a test image do
    not count.
    """
    labels = trained.data.test_labels
    wrong = (trained.predictions(trained.data.test_images) != labels).double()
    classes = labels.unique().tolist()
    return {"balanced_error": float(torch.stack([wrong[labels == label].mean() for label in classes]).mean())}
