"""Load the bundled data set, scikit-learn's 1,797 handwritten digits."""

from typing import Final

import torch
from sklearn.datasets import load_digits as sklearn_digits

from zoo.data.image_set import ImageSet, Split, assemble
from zoo.data.subsets import stratified_subset

NUM_TEST: Final = 500
MAX_VALUE: Final = 16  # a pixel counts the dark ones in a 4x4 block of the scan


def load_digits() -> ImageSet:
    """1,297 training and 500 test images [1, 8, 8] of ten classes, split by class and always in the same way.

    A value v of 0 to 16 becomes the byte round(255 v / 16).
    Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI; the copy in scikit-learn.
    """
    bunch = sklearn_digits()
    values = torch.from_numpy(bunch.images)  # [n, 8, 8]
    images = (values * (255 / MAX_VALUE)).round().to(torch.uint8).unsqueeze(1)
    labels = torch.from_numpy(bunch.target).long()
    in_test = torch.zeros(len(labels), dtype=torch.bool)
    in_test[stratified_subset(labels, NUM_TEST, "digits", "test")] = True
    train, test = (Split(where="digits", images=images[half], labels=labels[half]) for half in (~in_test, in_test))
    return assemble("digits", train, test)
