"""It changes the inputs behind autograd's back."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(subject: Subject) -> float:
    """It changes the inputs behind autograd's back."""
    subject.inputs.data.mul_(2)
    return 0.0
