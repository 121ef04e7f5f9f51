"""Load the bundled data set, scikit-learn's 1,797 handwritten digits."""

from typing import Final

import torch
from sklearn.datasets import load_digits as sklearn_digits

from zoo.data.image_set import ImageSet, Split, assemble
from zoo.data.subsets import stratified_subset

NUM_TEST: Final = {"digits": 500, "digits400": 1397}
MAX_VALUE: Final = 16  # a pixel counts the dark ones in a 4x4 block of the scan


def load_digits(name: str = "digits") -> ImageSet:
    """Load the images [1, 8, 8] of ten classes, split by class and always in the same way.

    "digits" has 1,297 training and 500 test images; "digits400" has 400 and 1,397, the 500 among them.

    A value v of 0 to 16 becomes the byte round(255 v / 16).
    Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI; the copy in scikit-learn.
    """
    bunch = sklearn_digits()
    values = torch.from_numpy(bunch.images)  # [n, 8, 8]
    images = (values * (255 / MAX_VALUE)).round().to(torch.uint8).unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
    in_test = torch.zeros(len(labels), dtype=torch.bool)
    in_test[stratified_subset(labels, NUM_TEST[name], "digits", "test")] = True
    train, test = (Split(where=name, images=images[half], labels=labels[half]) for half in (~in_test, in_test))
    return assemble(name, train, test)
