"""Its layers never end."""

from collections.abc import Iterator

from measures import Layered, Subject, measure


class Endless(Layered):
    """One, made of ever more layers."""

    @property  # type: ignore[override]
    def layers(self) -> Iterator[tuple[str, float]]:
        """Ever more."""
        while True:
            yield "layer", 1.0

    @layers.setter
    def layers(self, _: object) -> None:
        """It has its own."""


@measure(source="nobody", family="norm")
def hostile(_: Subject) -> float:
    """Its layers never end."""
    return Endless(1.0, {})
