"""Networks that were trained elsewhere become a zoo; one that does not fit is named, and the others go on."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd
import pytest
import safetensors.torch
import torch
from torch import nn

from harness.adopting.factories import LIBRARIES
from measures import score
from tests.harness.conftest import Gapbench
from zoo.data.datasets import load

FACTORY: Final = """
from torch import nn

def build(width, depth=1):
    layers = [nn.Flatten(), nn.Linear(64, width), nn.ReLU()]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, 10))

def broken(width):
    raise KeyError("no such backbone")

def nothing(width):
    return None

def needy(width, patch):
    return build(width)
"""
DATA: Final = """
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

digits = load_digits()
x = (torch.tensor(digits.images, dtype=torch.float32)[:, None] - 5) / 6
y = torch.tensor(digits.target)

def load(classes=10):
    train = TensorDataset(x[:200], y[:200])
    return DataLoader(train, batch_size=64), (x[200:500], y[200:500]), x[500:600]

def lonely():
    return x

def bytes_of():
    return (x[:9].byte(), y[:9]), (x[9:18], y[9:18])

def failing():
    raise OSError("the disk is away")
"""

Table = Callable[..., Path]


def build(width: int) -> nn.Sequential:
    """The network of the factory's file."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A factory, a data file, and three fitted networks: a plain one, one with prefixes, and safetensors."""
    (tmp_path / "my_model.py").write_text(FACTORY)
    (tmp_path / "my_data.py").write_text(DATA)
    digits = load("digits400")
    images = digits.train_images[:200].float()
    moments = images.mean((0, 2, 3)), images.std((0, 2, 3), correction=0)
    x, y = (images - moments[0][:, None, None]) / moments[1][:, None, None], digits.train_labels[:200]
    for number, width in enumerate((8, 8, 16)):
        torch.manual_seed(number)
        network = build(width)
        torch.save(network.state_dict(), tmp_path / f"start{number}.pt")
        optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
        for _ in range(40):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
        state = network.state_dict()
        torch.save(state, tmp_path / "net0.pt")
        if number == 1:
            wrapped = {f"module._orig_mod.{name}": value for name, value in state.items()}
            torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "net1.ckpt")
        if number == 2:
            safetensors.torch.save_file(state, tmp_path / "net2.safetensors")
        if number == 0:
            torch.save(state, tmp_path / "first.pt")
    (tmp_path / "first.pt").rename(tmp_path / "net0.pt")
    return tmp_path


@pytest.fixture
def table(folder: Path) -> Table:
    """Write a table of the three networks, with other columns, or cells changed."""

    def write(*, drop: int = 0, **cells: dict[int, object]) -> Path:
        rows: list[dict[str, object]] = [
            {"name": "a", "checkpoint": "net0.pt", "initial": "start0.pt", "hp.width": 8},
            {"name": "b", "checkpoint": "net1.ckpt", "initial": "start1.pt", "hp.width": 8},
            {"name": "c", "checkpoint": "net2.safetensors", "initial": "start2.pt", "hp.width": 16},
        ][drop:]
        for column, values in cells.items():
            for place, row in enumerate(rows):
                row[column] = values.get(place, row.get(column, ""))
        path = folder / "networks.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


def run(gapbench: Gapbench, path: Path, data: str = "digits400") -> str:
    """Adopt a table; what is printed, its lines joined."""
    where = path.parent
    of_data = ("--data", f"{where}/{data}") if ".py:" in data else ("--data", data, "--train-rows", ":200")
    model = f"{where}/my_model.py:build"
    result = gapbench("adopt", path, "--model", model, *of_data, "--out", where / "zoo", "--device", "cpu")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return " ".join(result.output.split())


def test_adopted_networks_are_a_zoo_like_any_other(gapbench: Gapbench, table: Table) -> None:
    """Scored, examined, ranked and exported; scores are those of `measures.score`; nothing is adopted twice."""
    path = table(twin={0: "b", 1: "a"})
    zoo = path.parent / "zoo"
    assert "3 of 3 networks were adopted" in run(gapbench, path)
    weights = {file: file.stat().st_mtime_ns for file in zoo.rglob("*.safetensors")}
    assert "3 of 3 networks were adopted" in run(gapbench, path)
    assert weights == {file: file.stat().st_mtime_ns for file in zoo.rglob("*.safetensors")}

    result = gapbench("score", zoo, "--measures", "l2,fro_dist,cross_entropy,gde_disagreement", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert gapbench("doctor", zoo).exit_code == 0
    assert gapbench("status", zoo).exit_code == 0
    ranked = gapbench("rank", zoo, "--json", "--bootstrap", "0")
    assert '"l2"' in ranked.output, ranked.output
    exported = path.parent / "ledger.csv"
    assert gapbench("export", zoo, "-o", exported).exit_code == 0
    frame = pd.read_csv(exported).set_index("run_id")

    assert list(frame["hp.width"]) == [8, 8, 16]
    assert frame["converged"].all()
    digits = load("digits400")
    images = digits.train_images[:200].float()
    inputs = (images - images.mean((0, 2, 3))[:, None, None]) / images.std((0, 2, 3), correction=0)[:, None, None]
    network = build(16)
    network.load_state_dict(safetensors.torch.load_file(path.parent / "net2.safetensors"))
    start = torch.load(path.parent / "start2.pt", weights_only=True)
    own = score(network, inputs, digits.train_labels[:200], init_state=start, names="l2,fro_dist,cross_entropy")
    for name, found in own.items():
        assert frame.loc["c", f"measure.{name}"] == pytest.approx(found.value, rel=1e-5)
    accuracy = float((network(inputs).argmax(1) == digits.train_labels[:200]).float().mean())
    assert frame.loc["c", "train_accuracy"] == pytest.approx(accuracy)
    assert frame["measure.gde_disagreement"].notna().tolist() == [True, True, False]


def test_data_of_a_file(gapbench: Gapbench, table: Table) -> None:
    """A DataLoader and tensors, normalised as the networks take them; a changed file is noticed."""
    path = table()
    assert "3 of 3 networks were adopted" in run(gapbench, path, "my_data.py:load")
    zoo = path.parent / "zoo"
    assert gapbench("score", zoo, "--measures", "cross_entropy", "--device", "cpu").exit_code == 0
    (path.parent / "my_data.py").write_text(DATA.replace("/ 6", "/ 7"))
    result = gapbench("score", zoo, "--measures", "mean_margin", "--device", "cpu")
    assert result.exit_code == 1
    assert "has changed since the networks were adopted" in " ".join(result.output.split())


def test_measures_along_training(gapbench: Gapbench, table: Table) -> None:
    """Checkpoints, losses and rates of each epoch open the measures that need them."""
    path = table(
        checkpoints={0: "net0.pt"},
        losses={0: "2.0;1.0"},
        learning_rates={0: "0.1;0.1"},
        steps={0: 20},
        batch_size={0: 20},
    )
    assert "3 of 3" in run(gapbench, path)
    result = gapbench("score", path.parent / "zoo", "--measures", "path_length,sum_train_loss", "--device", "cpu")
    known = result.output
    assert result.exit_code == 0 or "No measure is called" in known, known


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"checkpoint": {0: "gone.pt"}}, "gone.pt cannot be read (No such file or directory)"),
        ({"checkpoint": {0: "networks.csv"}}, "is neither a safetensors file nor one that torch.save wrote"),
        (
            {"checkpoint": {0: "code.pt"}},
            "and reading them would run code",
        ),
        ({"checkpoint": {0: "empty.pt"}}, "must hold a state dict; it holds no tensors by name"),
        ({"twin": {0: "c"}}, "its twin c must differ from it in nothing but seed and weights; width is 8 here and 16"),
        (
            {"hp.width": {0: 9}},
            "of 1.bias, 1.weight, 3.weight. 1.bias is [8] there and [9] here",
        ),
        ({"hp.depth": {0: 2, 1: 1, 2: 1}}, "it lacks 5.bias, 5.weight"),
        ({"train_accuracy": {0: 0.1}}, "train_accuracy is 0.1 in the table and"),
        ({"model": {0: "my_model.py:broken"}}, "does not build: KeyError in line 11 of"),
        ({"model": {0: "my_model.py:nothing"}}, "must return a torch.nn.Module; it returned a NoneType"),
        (
            {"model": {0: "my_model.py:needy"}},
            "needs patch; the table has no such value.",
        ),
        (
            {"model": {0: "my_model.py:biuld"}},
            "must define the function biuld; it does not. Did you mean",
        ),
        ({"model": {0: "timm:resnet81"}}, "timm has no model 'resnet81'. Did you mean"),
        ({"model": {0: "torchvision:resnet81"}}, "torchvision has no classifier 'resnet81'. Did you mean"),
        ({"model": {0: "keras:resnet"}}, "A model must be FILE.py:FUNCTION, or timm:NAME"),
        ({"arg.widht": {0: 3}}, "takes no argument 'widht'. Did you mean: width"),
        ({"data": {0: "my_data.py:failing"}}, "returns no data: OSError in line 21 of"),
        ({"data": {0: "my_data.py:lonely"}}, "it returned 1797 parts"),
        ({"data": {0: "my_data.py:bytes_of"}}, "its train holds bytes (uint8)"),
        ({"data": {0: "no_such_set"}}, "no_such_set"),
    ],
)
def test_one_that_does_not_fit_is_named_and_the_others_go_on(
    cells: dict[str, dict[int, object]], said: str, gapbench: Gapbench, table: Table
) -> None:
    """With a sentence, and nothing is lost."""
    path = table(**cells)
    torch.save(build(8), path.parent / "code.pt")
    torch.save({"epoch": 3}, path.parent / "empty.pt")
    printed = run(gapbench, path)

    assert said in printed, printed
    assert "2 of 3 networks were adopted" in printed


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"lr": {0: 0.1}}, "A hyperparameter is hp.lr, an argument of the factory arg.lr."),
        ({"chekpoints": {0: "x"}}, "has the unknown column 'chekpoints'. Did you mean: checkpoints"),
        ({"name": {1: "a"}}, "are both called 'a'. Give each a name"),
        ({"twin": {0: "z"}}, "has the twin 'z'."),
        ({"twin": {0: "a"}}, "must have another network as its twin"),
        ({"checkpoint": {1: ""}}, "names no checkpoint. Delete the row"),
        (
            {"train_accuracy": {1: 97.5}},
            "must give train_accuracy as a share from 0 to 1; got 97.5.",
        ),
        ({"seed": {1: "first"}}, "must give a whole number as seed; got 'first'"),
        ({"losses": {1: "1;2"}}, "measures along training need the columns"),
        ({"losses": {1: "1;x"}}, "must give numbers separated by semicolons as losses"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_whole(
    cells: dict[str, dict[int, object]], said: str, gapbench: Gapbench, table: Table
) -> None:
    """Before anything is written."""
    path = table(**cells)
    printed = run(gapbench, path)

    assert said in printed, printed
    assert not list((path.parent / "zoo").glob("runs/*"))


def test_the_same_weights_twice_are_one_network(gapbench: Gapbench, table: Table) -> None:
    """Two rows of one checkpoint are no replicates."""
    printed = run(gapbench, table(checkpoint={1: "net0.pt"}))
    assert "b: its checkpoint holds the weights of a. Delete one of the rows." in printed


def test_models_of_libraries(gapbench: Gapbench, folder: Path) -> None:
    """By name, with arguments of the table."""
    import timm
    from torchvision import models

    images = load("digits400").train_images
    assert images.shape[1:] == (1, 8, 8)
    torch.save(
        timm.create_model("test_vit", num_classes=10, img_size=8, patch_size=4, in_chans=1).state_dict(), folder / "v"
    )
    torch.save(models.squeezenet1_1(num_classes=10).state_dict(), folder / "s")
    path = folder / "networks.csv"
    path.write_text(
        "checkpoint,model,arg.img_size,arg.patch_size,arg.in_chans\nv,timm:test_vit,8,4,1\ns,torchvision:squeezenet1_1,,,\n"
    )
    printed = run(gapbench, path)

    assert set(LIBRARIES) == {"timm", "torchvision", "transformers"}
    assert "1 of 2 networks were adopted" in printed, printed
    assert "s: The network must take inputs of shape ('n', 1, 8, 8)" in printed, printed
