"""The check zoo that ships is what its recipes and its makers say."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from harness.checking.build_zoo import write_zoo
from harness.checking.zoo import (
    FEW,
    FOLDERS,
    LEDGER,
    MEASURES,
    PACKAGE,
    RUNS,
    WEIGHTS,
    InitialWeightsError,
    UnknownCheckZooError,
    check_zoo,
    check_zoos,
    read_zoo,
)
from harness.store.store import Store
from harness.store.weights import pack
from measures.registry import catalog, select
from measures.scoring import score_subject
from zoo.errors import DatasetError
from zoo.recipe import Recipe
from zoo.suites.cifar10 import shipped
from zoo.suites.registry import suite
from zoo.training.record import normalised
from zoo.training.train import data_of, train

MEGABYTES = 5


def test_it_holds_the_networks_of_its_suite() -> None:
    """Each recipe once, the first seed first; no file but its four, and those small."""
    zoo = check_zoo()
    recipes = {recipe.run_id: recipe for recipe in suite("check").recipes()}

    assert set(zoo.runs) == set(recipes) == set(zoo.ledger["run_id"])
    assert all(zoo.runs[run_id].recipe == recipe for run_id, recipe in recipes.items())
    seeds = [zoo.runs[run_id].recipe.seed for run_id in zoo.by_seed()]
    assert seeds == sorted(seeds)
    folder = Path(__file__).parents[3] / "harness" / "check_zoo"
    assert {path.name for path in folder.iterdir()} == {WEIGHTS, LEDGER, RUNS, MEASURES}
    assert sum(path.stat().st_size for path in folder.iterdir()) < MEGABYTES * 2**20


def test_the_weights_have_the_accuracies_of_the_ledger() -> None:
    """On training and test data of the recipe, so weights, recipes and rows belong together."""
    zoo = check_zoo()
    for row in zoo.ledger.to_dict("records"):
        data = data_of(zoo.runs[row["run_id"]].recipe)
        model: nn.Module = zoo.parts(row["run_id"]).model.eval()
        for images, labels, accuracy in (
            (data.train_images, data.train_labels, row["train_accuracy"]),
            (data.test_images, data.test_labels, row["test_accuracy"]),
        ):
            with torch.no_grad():
                found = model(normalised(images, data)).argmax(1)
            assert float((found == labels).double().mean()) == pytest.approx(accuracy, abs=0.003)
        assert row["gap"] == pytest.approx(row["train_accuracy"] - row["test_accuracy"])


def test_other_initial_weights_are_refused() -> None:
    """A build of torch that draws other numbers is refused, instead of getting wrong distances."""
    zoo = check_zoo()
    run_id = zoo.by_seed()[0]
    changed = type(zoo)(
        {**zoo.runs, run_id: replace(zoo.runs[run_id], initial=(0.0,) * FEW)}, zoo.weights, zoo.ledger, {}
    )

    with pytest.raises(InitialWeightsError, match="make check-zoo"):
        changed.parts(run_id)


def test_fresh_scores_are_those_that_the_catalogue_gives() -> None:
    """Of one network of each family; a score of another version is stale, and is not among them."""
    zoo = check_zoo()
    versions = {name: measure.version for name, measure in catalog().items()}
    names = ["fro_dist", "prod_of_spec", "gde_disagreement", "mean_margin", "sotl"]

    assert set(names) <= set(zoo.fresh(versions))
    assert "l2" not in zoo.fresh({**versions, "l2": versions["l2"] + 1})
    assert len(zoo.fresh(versions)) > len(versions) / 2
    for run_id in (zoo.by_seed()[0], zoo.by_seed()[-1]):
        row = zoo.ledger.set_index("run_id").loc[run_id]
        scores = score_subject(zoo.parts(run_id).subject(), select(names, catalog()))
        for name in names:
            value = scores[name].value  # a network without a twin has no disagreement
            assert (math.nan if value is None else value) == pytest.approx(
                row[f"measure.{name}"], rel=1e-4, nan_ok=True
            ), name


def test_an_unknown_zoo_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(UnknownCheckZooError, match=r"No check zoo is called 'digit'\. Did you mean: digits"):
        check_zoo("digit")


def test_images_that_are_not_bundled_need_a_folder(tmp_path: Path) -> None:
    """The sentence says how to give one."""
    zoo = check_zoo()
    run_id = zoo.by_seed()[0]
    elsewhere = replace(zoo.runs[run_id], recipe=Recipe(dataset="cifar10"))
    with pytest.raises(DatasetError, match="--data-dir or set GAPBENCH_DATA"):
        replace(zoo, runs={run_id: elsewhere}).require_data()
    with pytest.raises(DatasetError, match="must exist"):
        replace(zoo, runs={run_id: elsewhere}, data_dir=tmp_path / "nowhere").require_data()


def test_a_network_without_another_seed_has_no_twin() -> None:
    """And is scored without one."""
    zoo = check_zoo()
    run_id = zoo.by_seed()[0]
    alone = replace(zoo, runs={run_id: zoo.runs[run_id]})
    assert alone.twin(run_id) is None
    assert alone.parts(run_id).twin is None


def test_a_sample_of_a_zoo(finished: Path, tmp_path: Path) -> None:
    """Its networks alone, those that the store holds, in every file."""
    with Store(finished) as store:
        one, two, *_ = sorted(store.runs())
        write_zoo(store, tmp_path, {one, two, "not trained yet"})
    zoo = read_zoo(tmp_path)
    assert set(zoo.runs) == set(zoo.ledger["run_id"]) == {one, two}
    assert {name.partition("/")[0].partition("@")[0] for name in zoo.weights} == {one, two}


def test_the_sample_of_cifar10(data_dir: Path) -> None:
    """Networks of the reference, small enough to ship, whose weights have the accuracies of the ledger."""
    if "cifar10" not in check_zoos():
        pytest.skip("The installation has no check zoo cifar10")
    zoo = replace(check_zoo("cifar10"), data_dir=data_dir)
    known = {recipe.run_id for recipe in shipped()}
    rows = zoo.ledger.set_index("run_id")

    assert set(zoo.runs) == set(rows.index) <= known
    assert sum(path.stat().st_size for path in (PACKAGE / FOLDERS["cifar10"]).iterdir()) <= 20 * 2**20
    for run_id in zoo.by_seed()[:2]:
        parts = zoo.parts(run_id)
        with torch.no_grad():
            right = parts.model.eval()(parts.inputs).argmax(1) == parts.labels
        assert float(right.double().mean()) == pytest.approx(rows.loc[run_id, "train_accuracy"], abs=0.003)


def test_the_sample_of_cifar10_is_of_its_suite() -> None:
    """Each once, with two widths, two train sizes and two kinds of labels of every family, and some for the gate."""
    recipes = list(shipped())
    assert len(set(recipes)) == len(recipes) == 53
    assert set(recipes) <= set(suite("cifar10").recipes("reference"))


def test_the_same_store_gives_the_same_bytes(finished: Path, tmp_path: Path) -> None:
    """And what was written is read back."""
    for folder in ("one", "two"):
        with Store(finished) as store:
            write_zoo(store, tmp_path / folder)
    for name in (WEIGHTS, LEDGER, RUNS, MEASURES):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()

    zoo = read_zoo(tmp_path / "one")
    assert set(zoo.measures) == {"fro_dist", "gde_disagreement", "param_norm", "sam_sharpness"}
    assert set(json.loads((tmp_path / "one" / MEASURES).read_text())["fro_dist"]) == {"version", "Psi", "tau_b"}
    state = zoo.initial_state(zoo.by_seed()[0])
    with Store(finished) as store:
        stored = store.weight_files(zoo.by_seed()[0])[0].state()
    assert all(torch.equal(value, stored[name]) for name, value in state.items())


def test_checkpoints_are_written_and_read_back(zoo: Path, tmp_path: Path) -> None:
    """A network that was trained with them has them; it has no twin, as there is no other seed of its recipe."""
    recipe = Recipe(train_size=32, batch_size=16, max_epochs=5, target_loss=0.0, checkpoints="fourfold")
    (run,) = train([recipe], fleet=1)
    with Store(zoo) as store:
        store.add_run(pack(run, {}))
        write_zoo(store, tmp_path / "written")
    written = read_zoo(tmp_path / "written")

    assert [(kept.epoch, kept.step) for kept in written.snapshots(recipe.run_id)] == [(1, 2), (4, 8)]
    for kept, trained in zip(written.snapshots(recipe.run_id), run.snapshots, strict=True):
        assert kept.state.keys() == trained.state.keys()
        assert all(torch.equal(value, trained.state[name]) for name, value in kept.state.items())
    trajectory = written.parts(recipe.run_id).trajectory
    assert trajectory is not None
    assert [checkpoint.epoch for checkpoint in trajectory.checkpoints] == [0, 1, 4, 5]
    assert written.twin(recipe.run_id) is None
    for run_id, run_of in written.runs.items():
        other = run_of.recipe.replace(seed=1 - run_of.recipe.seed).run_id
        assert written.twin(run_id) == (other if other in written.runs else None)
    assert any(written.twin(run_id) for run_id in written.runs)
