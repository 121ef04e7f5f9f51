"""What plans made by hand train, and what was printed on the way."""

import io

from rich.console import Console

from zoo.recipe import Recipe

BASE = Recipe(train_size=64, batch_size=16, learning_rate=0.05, max_epochs=40, target_loss=0.1)


def printed(console: Console) -> str:
    """What was printed so far."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
