"""`gapbench new`: write a template of a measure and its test."""

import keyword
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from measures.registry import catalog

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


def new(name: str, folder: Path) -> tuple[Path, Path]:
    """Write NAME.py and test_NAME.py and return their paths.

    Raises:
        HarnessError: not a Python name, a name of the catalogue, a file that exists, or no such folder.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise HarnessError(f"A measure must have a lower-case Python name, such as max_dist; got {name!r}.")
    if name in catalog():
        raise HarnessError(f"The catalogue has a measure called {name!r}. Choose another name.")
    if not folder.is_dir():
        raise HarnessError(f"The folder must exist; got {folder}.")
    files = folder / f"{name}.py", folder / f"test_{name}.py"
    for file in files:
        if file.exists():
            raise HarnessError(f"{file} exists already and would be overwritten. Choose another name or --dir.")
    title = name.replace("_", " ").capitalize()
    for file, text in zip(files, (MEASURE, TEST), strict=True):
        file.write_text(text.format(name=name, title=title), encoding="utf-8")
    return files
