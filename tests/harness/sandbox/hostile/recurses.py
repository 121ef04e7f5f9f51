"""It calls itself without end."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """It calls itself without end."""

    def down() -> float:
        return down() + 1

    return down()
