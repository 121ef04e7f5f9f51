"""Its exception cannot be turned into words."""

from measures import Subject, measure


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """Its exception cannot be turned into words."""

    class WordlessError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("none")

    raise WordlessError
