"""It changes the labels."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(subject: Subject) -> float:
    """It changes the labels."""
    subject.labels.zero_()
    return 0.0
