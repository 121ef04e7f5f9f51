"""`gapbench new`: write a template of a measure and its test, or of a suite."""

import keyword
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from measures.registry import catalog
from zoo.suites.registry import suites

MEASURE: Final = '''"""{title}: one line on what the measure is."""

from measures import Subject, measure


@measure(
    source="none: replace it by author, year, arXiv number and equation",
    family="norm",  # as `gapbench list measures` shows them
    cost="weights only",  # or "1 forward pass", "per-sample gradients of 256 examples" ...
    weights_only=True,  # it is given no data; drop this line where it looks at the training data
)
def {name}(subject: Subject) -> float:
    r"""Sum of the fourth powers of all weights.

    .. math:: \\sum_i w_i^4

    Unit: that of a weight, to the fourth. Changes when layers are rescaled.
    """
    return sum(float(w.double().pow(4).sum()) for w in subject.params.values())
'''

TEST: Final = '''"""{title}, against its formula by hand."""

from pathlib import Path

import pytest
import torch
from torch import nn

from measures import Subject
from measures.registry import catalog, from_file

FILE = Path(__file__).with_name("{name}.py")
MEASURE = (from_file(FILE) if FILE.is_file() else catalog())["{name}"]  # beside this test, or merged


def test_{name}_by_hand() -> None:
    """A network of one layer whose weights are known: 1 + 16 + 81 + 256."""
    layer = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -2.0], [3.0, -4.0]]))
    model = nn.Sequential(nn.Flatten(), layer).double()
    subject = Subject(model, torch.zeros(3, 1, 1, 2), torch.tensor([0, 1, 0]))

    assert MEASURE(subject) == pytest.approx(354.0)
'''


SUITE: Final = '''"""{title}: three timm models on digits, true and random labels: 24 small networks.

Run it: gapbench run {name}.py
"""

from collections.abc import Iterator
from itertools import product

from zoo.recipe import Recipe
from zoo.suites.study import Size, Study

MODELS = ("test_resnet", "test_efficientnet", "test_byobnet")  # any timm model that takes these images, or a family
BASE = Recipe(
    dataset="digits",  # or "cifar10", a folder of images ...: gapbench list datasets
    train_size=128,
    optimizer="adamw",
    batch_size=16,
    max_epochs=120,
    target_loss=0.02,
)


def recipes() -> Iterator[Recipe]:
    """Yield every combination: two networks that differ in one choice alone tell what a measure says about it."""
    for model, corruption, rate, seed in product(MODELS, ("true_labels", "random_labels"), (0.003, 0.001), (0, 1)):
        yield BASE.replace(model=model, corruption=corruption, learning_rate=rate, seed=seed)


STUDY = Study(
    sizes={{"small": Size(recipes=recipes, data="digits")}},
    measures=("fro_dist", "mean_margin", "sharpness_flatness"),  # all of them without this line
)
'''


def write_measure(name: str, folder: Path) -> tuple[Path, Path]:
    """Write NAME.py and test_NAME.py and return their paths.

    Raises:
        HarnessError: not a Python name, a name of the catalogue, a file that exists, or no such folder.
    """
    _require_name(name, "measure", "max_dist")
    if name in catalog():
        raise HarnessError(f"The catalogue has a measure called {name!r}. Choose another name.")
    files = folder / f"{name}.py", folder / f"test_{name}.py"
    _write(dict(zip(files, (MEASURE, TEST), strict=True)), name, folder)
    return files


def write_suite(name: str, folder: Path) -> Path:
    """Write NAME.py, a suite, and return its path.

    Raises:
        HarnessError: not a Python name, the name of a suite, a file that exists, or no such folder.
    """
    _require_name(name, "suite", "my_suite")
    if name in suites():
        raise HarnessError(f"There is a suite called {name!r}. Choose another name.")
    file = folder / f"{name}.py"
    _write({file: SUITE}, name, folder)
    return file


def _require_name(name: str, kind: str, example: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise HarnessError(f"A {kind} must have a lower-case Python name, such as {example}; got {name!r}.")


def _write(templates: Mapping[Path, str], name: str, folder: Path) -> None:
    """Write files that do not exist yet."""
    if not folder.is_dir():
        raise HarnessError(f"The folder must exist; got {folder}.")
    for file in templates:
        if file.exists():
            raise HarnessError(f"{file} exists already and would be overwritten. Choose another name or --dir.")
    title = name.replace("_", " ").capitalize()
    for file, text in templates.items():
        file.write_text(text.format(name=name, title=title), encoding="utf-8")
