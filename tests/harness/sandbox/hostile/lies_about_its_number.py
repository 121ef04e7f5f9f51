"""It is another number when it is asked again."""

from measures import Layered, Subject, measure


class TwoFaced(Layered):
    """One to whoever looks at it, no number to whoever converts it."""

    def __float__(self) -> float:
        """No number."""
        return float("nan")


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It is another number when it is asked again."""
    return TwoFaced(1.0, {})
