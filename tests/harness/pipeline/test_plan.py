"""Plans: recipes of a suite as the options change them, and with them the recipes that they build on."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from PIL import Image

from harness.errors import HarnessError
from harness.pipeline.plan import Plan, check_recipes, make_plan
from harness.pipeline.run_options import RunOptions
from measures.registry import CORE, catalog
from zoo.held_out import held_out
from zoo.recipe import Recipe
from zoo.suites.registry import suite

WITH_SOURCES = ("truncated_sgd", "rationality")  # the suites whose networks start from others that were trained
SECRET = bytes(range(16))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one image set of ten classes, as large as the suites ask for."""
    folder = tmp_path_factory.mktemp("data") / "mine"
    folder.mkdir()
    written = BytesIO()
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(written, "PNG")
    images = pd.DataFrame({"image": [written.getvalue()] * 1200, "label": [row % 10 for row in range(1200)]})
    for half in ("train", "test"):
        images.to_parquet(folder / f"{half}.parquet")
    return folder.parent


def planned(name: str, **options: Any) -> Plan:
    """A plan with these options."""
    return make_plan(replace(RunOptions(suite=name, device="cpu", fleet=1, executor="local"), **options))


@pytest.mark.parametrize("name", WITH_SOURCES)
def test_another_image_set_is_that_of_the_sources_too(name: str, data_dir: Path) -> None:
    """A network of one image set must not start from weights that were trained on another; all else stays."""
    plan = planned(name, dataset="mine", data_dir=data_dir)
    sources = [recipe.source for recipe in plan.recipes if recipe.source is not None]

    assert sources
    assert {recipe.dataset for recipe in (*plan.recipes, *sources)} == {"mine"}
    assert tuple(recipe.on("digits") for recipe in plan.recipes) == suite(name).recipes()


@pytest.mark.parametrize("name", WITH_SOURCES)
def test_a_limit_keeps_sources_whole(name: str) -> None:
    """The first networks of the suite start from what they start from without a limit."""
    assert planned(name, limit=3).recipes == suite(name).recipes()[:3]


def test_what_a_recipe_builds_on_is_checked_too() -> None:
    """A source that asks for more images than there are is refused before anything is trained."""
    source = Recipe(train_size=5000)
    with pytest.raises(ValueError, match="5000"):
        check_recipes([Recipe(train_size=64, source=source)], None)


def test_pretrained_weights_and_layers_are_checked_before_training(tmp_path: Path) -> None:
    """A file that is not there or does not fit, and a layer that the network lacks, with the line that names it."""
    path = tmp_path / "weights.safetensors"
    recipe = Recipe(pretrained=str(path))
    with pytest.raises(ValueError, match="line 3: pretrained must name a safetensors file; there is no file"):
        check_recipes([Recipe(), recipe], None, ["line 2", "line 3"])
    safetensors.torch.save_file({"1.weight": torch.zeros(64, 64)}, path)
    with pytest.raises(
        ValueError, match=r"line 2: pretrained must fit the model 'mlp'.*3 are missing: 1.bias, 3.weight"
    ):
        check_recipes([recipe], None, ["line 2"])
    with pytest.raises(ValueError, match="line 3: tuned_layers must name modules of the network; got 'fc'"):
        check_recipes([Recipe(), Recipe(source=Recipe(), tuned_layers=("fc",))], None, ["line 2", "line 3"])


@pytest.mark.parametrize("name", WITH_SOURCES)
def test_limit_image_set_and_secret_together(name: str, data_dir: Path, tmp_path: Path) -> None:
    """The levels are those of the whole suite, whatever its image set; sources move with what starts from them."""
    secret = tmp_path / "secret"
    secret.write_bytes(SECRET)
    plan = planned(name, limit=3, dataset="mine", data_dir=data_dir, secret_seed=secret, out=tmp_path / "zoo")

    assert plan.recipes == tuple(r.on("mine") for r in held_out(suite(name).recipes(), name, SECRET)[:3])
    assert all(recipe.source.seed == recipe.seed for recipe in plan.recipes if recipe.source is not None)


def test_measures_are_named_between_commas() -> None:
    """Spaces and a comma too many say nothing, core stands for its names; no name at all is refused."""
    assert list(planned("smoke", limit=1, measures=" l2,, fro_dist,").measures) == ["l2", "fro_dist"]
    assert list(planned("smoke", limit=1, measures="width,core,ntk_trace").measures) == ["width", *CORE, "ntk_trace"]
    for names in ("", " , "):
        with pytest.raises(HarnessError, match="must name at least one measure, or core, or all"):
            planned("smoke", limit=1, measures=names)


def test_measures_that_take_training_steps_are_computed_on_request() -> None:
    """They are slow or retrain: left out of all, and there by name or with --retraining."""
    assert {"llc", "pacbayes_opt", "waic"} <= {name for name, measure in catalog().items() if measure.on_request}
    assert not {"llc", "waic"} & set(planned("smoke", limit=1).measures)
    assert set(planned("smoke", limit=1, measures="llc").measures) == {"llc"}
    assert set(planned("smoke", limit=1, retraining=True).measures) == set(catalog())
