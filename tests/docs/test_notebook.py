"""The notebook runs from its first cell to its last, and every cell that ends in a value shows it."""

from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "score_your_network.ipynb"


@pytest.mark.filterwarnings("default::DeprecationWarning", "default::pytest.PytestUnraisableExceptionWarning")
def test_the_notebook_runs() -> None:
    """In a fresh kernel, as its reader runs it; no cell fails."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    shown = [
        output.get("text") or output["data"]["text/plain"]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type != "stream" or output.name == "stdout"
    ]

    assert any(text.startswith("27 measures, about ") for text in shown)
    assert any("fro_dist" in text and "self_influence" in text for text in shown)
    assert any("largest_weight" in text for text in shown)
