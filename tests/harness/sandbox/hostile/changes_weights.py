"""It changes the network."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(subject: Subject) -> float:
    """It changes the network."""
    for param in subject.params.values():
        param.zero_()
    return 0.0
