"""It leaves the network in training mode."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(subject: Subject) -> float:
    """It leaves the network in training mode."""
    subject.model.train()
    return 0.0
