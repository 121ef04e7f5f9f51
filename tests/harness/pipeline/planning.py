"""A recipe for plans made by hand, and the text that a step printed."""

import io

from rich.console import Console

from zoo.recipe import Recipe

BASE = Recipe(train_size=64, batch_size=16, learning_rate=0.05, max_epochs=40, target_loss=0.1)


def printed(console: Console) -> str:
    """Return the text printed so far."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
