"""It asks for what it does not declare."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(subject: Subject) -> float:
    """It asks for what it does not declare."""
    return float(len(subject.init_params))
