"""Accuracy under the true labels on training images, and on those with a wrong label."""

from zoo.observations.observed import Observed, Trained, observation


@observation
def under_noise(trained: Trained) -> Observed:
    """Accuracy under the true labels on all training images, and on those whose label is wrong.

    Bansal, Kaplun & Barak 2021, arXiv:2010.08508, sec. 2.1: Train(eta) and NTrain(eta), whose differences with the
    training accuracy on clean labels and with the test accuracy are the robustness, memorization and rationality gaps.
    The second is left out where no label is wrong.
    """
    data = trained.data
    true = trained.data_of(trained.recipe.replace(corruption="true_labels", corruption_p=0.0)).train_labels
    right = (trained.predictions(data.train_images) == true).double()
    wrong = data.train_labels != true
    found = {"train_under_noise": float(right.mean()), "wrong_labels": float(wrong.sum())}
    return found | ({"wrong_labels_undone": float(right[wrong].mean())} if bool(wrong.any()) else {})
