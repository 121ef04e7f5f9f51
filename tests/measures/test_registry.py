"""The catalogue finds every measure once."""

import ast
from pathlib import Path

import pytest
import torch

import measures
from measures.errors import MeasureDefinitionError, UnknownMeasureError
from measures.registry import CORE, catalog, from_file, select
from tests.measures.networks import network

ONE = '''
from measures import Subject, measure
from measures.catalogue.outputs.controls import params

@measure(source="a test", family="control")
def {name}(subject: Subject) -> float:
    """Twice the number of parameters."""
    return 2 * params(subject)
'''


def test_every_decorated_function_is_in_the_catalogue() -> None:
    """Each function under @measure in the room, by the name that it is written with."""
    written = [
        node.name
        for path in (Path(measures.__path__[0]) / "catalogue").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
        and any(
            isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id == "measure"
            for d in node.decorator_list
        )
    ]

    assert list(catalog()) == sorted(written)
    assert all(name == item.name for name, item in catalog().items())


def test_a_file_gives_its_own_measures(tmp_path: Path) -> None:
    """Measures that it imports are not its own."""
    path = tmp_path / "mine.py"
    path.write_text(ONE.format(name="twice_params"))

    assert list(from_file(path)) == ["twice_params"]


def test_files_that_define_nothing_or_too_much(tmp_path: Path) -> None:
    """The message says what must hold."""
    empty, double, text = tmp_path / "empty.py", tmp_path / "double.py", tmp_path / "measure.txt"
    empty.write_text("from measures.catalogue.outputs.controls import params\n")
    double.write_text(ONE.format(name="twice") + "also = twice\nalias = [also]\n")
    text.write_text("")

    with pytest.raises(ValueError, match="at least one function under @measure"):
        from_file(empty)
    with pytest.raises(ValueError, match=r"\.py"):
        from_file(text)
    with pytest.raises(MeasureDefinitionError, match="there is none"):
        from_file(tmp_path / "missing.py")


def test_unknown_names_are_answered() -> None:
    """With what comes near, or with all that there is."""
    with pytest.raises(UnknownMeasureError, match=r"'fro_dits'\. Did you mean: fro_dist"):
        select(["l2", "fro_dits"], catalog())
    with pytest.raises(UnknownMeasureError, match=r"'zzz'\. Available: .*constant, .*cross_entropy, "):
        select(["zzz"], catalog())
    assert [item.name for item in select(["l2", "constant"], catalog())] == ["l2", "constant"]


def test_the_core_takes_from_the_kinds_of_measure_and_trains_nothing() -> None:
    """Norms, paths, distances, sharpness, curvature, margins, gradients, stability and disagreement, each once."""
    core = select(CORE, catalog())
    kinds = {"norm", "path", "distance", "pac_bayes", "sharpness", "hessian", "margin", "gradient", "stability"}

    assert kinds | {"disagreement", "control"} == {item.family for item in core}
    assert not any("refit" in item.needs for item in core)
    assert len(set(CORE)) == len(CORE)


def test_the_example_in_the_documentation_runs(tmp_path: Path) -> None:
    """What the page on adding a measure shows is a measure, and its number is that of its formula."""
    page = (Path(measures.__path__[0]).parent / "docs" / "adding_a_measure.md").read_text()
    path = tmp_path / "max_dist.py"
    path.write_text(page.partition("```python\n")[2].partition("```")[0])
    data = network("mlp")
    trained, start = (
        torch.nn.utils.parameters_to_vector([state[name] for name in data.subject().params])
        for state in (data.model.state_dict(), data.init_state)
    )

    value = from_file(path)["max_dist"](data.subject())

    assert value == pytest.approx(float((trained - start).abs().max()), rel=1e-12)
