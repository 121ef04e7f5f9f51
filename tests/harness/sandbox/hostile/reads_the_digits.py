"""It reads the data set that a package brings along, test labels included."""

from sklearn.datasets import load_digits

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It reads the data set that a package brings along, test labels included."""
    return float(load_digits().target[0])
