"""Scores print as a table and turn into rows; a DataLoader stands for inputs and labels."""

import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from measures import score
from measures.errors import InvalidSubjectError

NAMES = "l2,params,fro_dist"


def network() -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """A linear classifier with images and labels."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), torch.randn(12, 1, 4, 4), torch.arange(12) % 3


def test_a_loader_gives_the_scores_of_its_tensors() -> None:
    """Batches in order are the whole."""
    model, inputs, labels = network()
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=5)
    names = "l2,cross_entropy"
    whole, batches = score(model, inputs, labels, names=names), score(model, loader, names=names)

    assert batches["cross_entropy"].value == pytest.approx(whole["cross_entropy"].value)
    assert list(batches) == list(whole)


def test_table_and_rows() -> None:
    """A line a measure, with the reason where there is no value; a frame has the same."""
    found = score(*network(), names=NAMES)
    header, *lines = str(found).splitlines()
    frame = pd.DataFrame(found.rows()).set_index("measure")

    assert header.split() == ["measure", "value", "seconds"]
    assert [line.split()[0] for line in lines] == NAMES.split(",")
    assert "unsupported: " in lines[2]
    assert frame.loc["params", "value"] == found["params"].value
    assert str(frame.loc["fro_dist", "why"]) in found["fro_dist"].why


def test_what_is_no_batch_is_refused() -> None:
    """Inputs without labels, no batches, and batches without labels."""
    model, inputs, _ = network()

    for wrong in (inputs, [], [(inputs,)]):
        with pytest.raises(InvalidSubjectError, match=r"must be batches of \(inputs, labels\)"):
            score(model, wrong, names="l2")  # type: ignore[arg-type]
