"""Reference ledgers: parts that ship with the package are ranked as the zoo that they were written from."""

import json
import shutil
import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.reports import reference
from harness.reports.reference import (
    NETWORKS,
    SCORES,
    ReferenceLedgerError,
    parts_in,
    read_networks,
    read_parts,
    read_scores,
    reference_folder,
    reference_names,
)
from harness.reports.reference_part import main, write_part, write_scores
from harness.store.store import Store, open_store
from harness.store.to_ledger import frame_of
from leaderboard.ledger.read import check_ledger
from leaderboard.ledger.targets import target_of, targets_in
from measures import Score
from tests.harness.conftest import Gapbench
from zoo.recipe import Recipe
from zoo.training.train import train

ROOT = Path(__file__).parents[3]
EARLY = 3e-5  # relative error of an epoch's mean loss on another processor; other seeds differ by 5e-4 and more


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of reference ledgers in place of the package's."""
    folder = tmp_path / "reference"
    folder.mkdir()
    monkeypatch.setattr(reference, "_home", lambda: folder)
    return folder


def test_the_ranking_of_the_parts_is_that_of_the_zoo(finished: Path, home: Path, gapbench: Gapbench) -> None:
    """Every measure of it; and the provenance names the suite."""
    main([str(finished), str(home / "mine")])
    ranked = gapbench("rank", "reference:mine", "--bootstrap", 20, "--json")
    assert ranked.exit_code == 0, ranked.output
    ours, theirs = json.loads(ranked.stdout), json.loads(gapbench("rank", finished, "--bootstrap", 20, "--json").stdout)

    for report in (ours, theirs):
        for entry in report["measures"].values():
            entry.pop("cost")  # rounded to microseconds in the parts
    assert ours["measures"] == theirs["measures"]
    assert ours["hyperparameters"] == theirs["hyperparameters"]
    assert ours["provenance"]["suite"] == "smoke"


def test_page_export_and_table(finished: Path, home: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """The page goes to a file that the user names; the export holds what the zoo's does."""
    main([str(finished), str(home / "mine")])
    page, table = tmp_path / "page.html", tmp_path / "table.csv"
    assert gapbench("page", "reference:mine", "-o", page).exit_code == 0
    assert "param_norm" in page.read_text()
    assert gapbench("export", "reference:mine", "-o", table).exit_code == 0
    with Store(finished) as store:
        assert set(frame_of(store)) <= set(pd.read_csv(table))
    assert "`param_norm`" in gapbench("table", "reference:mine", "--markdown").stdout
    for arguments, words in (
        (("page", "reference:mine"), "needs a file"),
        (("page", "reference:mine", "-o", tmp_path / "no" / "page.html"), "folder that exists"),
        (("export", "reference:mine", "-o", table, "--layers"), "leave out --layers"),
        (("rank", "reference:mine", "--percent"), "a reference ledger"),
    ):
        refused = gapbench(*arguments)
        assert refused.exit_code == 2
        assert words in " ".join(refused.output.split())


def test_an_unknown_name_and_one_without_scores(finished: Path, home: Path, gapbench: Gapbench) -> None:
    """Similar names are suggested; networks without scores can be exported."""
    main([str(finished), str(home / "mine")])
    for part in parts_in(home / "mine", SCORES):
        part.unlink()
    assert "Did you mean: mine?" in gapbench("rank", "reference:mien").output
    unscored = " ".join(gapbench("rank", "reference:mine").output.split())
    assert "its 4 networks have none yet" in unscored
    assert "gapbench export reference:mine" in unscored


def test_scores_are_added_once_and_the_newest_version_counts(finished: Path, zoo: Path, tmp_path: Path) -> None:
    """A network that lacks the newest version of a measure has a stale score; a traceback keeps its last line."""
    folder = tmp_path / "parts"
    main([str(finished), str(folder)])
    main([str(finished), str(folder)])
    assert len(parts_in(folder, SCORES)) == 1
    with Store(zoo) as store:
        one, two, *_ = sorted(store.runs())
        metadata = store.metadata()
        version = int(str(metadata["param_norm"]["version"])) + 1
        store.add_metadata({"param_norm": {**metadata["param_norm"], "version": version}})
        store.add_scores(one, {"param_norm": Score(7.0, "scored", 1.0, version)})
        store.add_scores(two, {"param_norm": Score(None, "failed", 1.0, version, "File /home/x\nValueError: no")})
    main([str(zoo), str(folder)])
    ledger = read_parts(folder).set_index("run_id")
    values, outcomes = ledger["measure.param_norm"], ledger["outcome.param_norm"]

    assert len(parts_in(folder, SCORES)) == 2
    assert len(read_scores(folder)) == sum(len(pd.read_parquet(part)) for part in parts_in(folder, SCORES))
    assert values[one] == 7.0
    assert values.count() == 1
    assert (outcomes[two], ledger.loc[two, "why.param_norm"]) == ("failed", "ValueError: no")
    assert set(outcomes.drop([one, two])) == {"stale"}
    assert ledger["measure.fro_dist"].notna().all()


def test_parts_with_other_hyperparameters_are_refused(finished: Path, tmp_path: Path) -> None:
    """A level that one part alone records would be another level."""
    folder = tmp_path / "parts"
    main([str(finished), str(folder)])
    part = pd.read_parquet(parts_in(folder)[0]).drop(columns="hp.width")
    part.to_parquet(folder / NETWORKS.format(2))
    with pytest.raises(ReferenceLedgerError, match=r"part-0001.parquet and part-0002.parquet .* differ in hp.width"):
        read_parts(folder)


def test_an_earlier_part_has_the_default_of_a_later_field(finished: Path, tmp_path: Path) -> None:
    """Recipes name what is not at its default, so a part without the column is at the default that the others show."""
    folder = tmp_path / "parts"
    main([str(finished), str(folder)])
    whole = pd.read_parquet(parts_in(folder)[0])
    earlier = whole.drop(columns=["hp.imbalance", "hp.image_side"])
    earlier.to_parquet(folder / NETWORKS.format(2))
    found = read_networks(folder)

    assert found["hp.imbalance"].tolist() == [1.0] * 2 * len(whole)
    assert found["hp.image_side"].isna().all()


def test_the_package_data_holds_every_part() -> None:
    """A wheel without them could not rank a reference ledger."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["leaderboard"]
    room = Path(str(files("leaderboard")))
    packaged = {path for pattern in patterns for path in room.glob(pattern)}
    assert {path for path in (room / "reference").rglob("*") if path.is_file()} <= packaged


@pytest.mark.parametrize("name", reference_names())
def test_committed_networks_are_named_by_their_recipes(name: str) -> None:
    """Each once, with a gap that is the difference of its accuracies."""
    networks = read_networks(reference_folder(name))
    assert networks["run_id"].is_unique
    assert [Recipe.from_changed(json.loads(text)).run_id for text in networks["recipe"]] == list(networks["run_id"])
    np.testing.assert_allclose(networks["gap"], networks["train_accuracy"] - networks["test_accuracy"], atol=1e-12)


@pytest.mark.parametrize("name", reference_names())
@pytest.mark.parametrize("model", ["mixer", "vit"])
def test_a_recipe_trains_the_committed_network(name: str, model: str, request: pytest.FixtureRequest) -> None:
    """Its first epoch or two, up to rounding, which grows afterwards and differs between processors."""
    networks = read_networks(reference_folder(name))
    rows = networks[networks["hp.model"] == model].sort_values(["hp.train_size", "num_params"])
    if rows.empty:
        pytest.skip(f"{name} has no {model}")
    row = rows.iloc[0]
    recipe, committed = Recipe.from_changed(json.loads(row["recipe"])), json.loads(row["losses"])
    folder = request.getfixturevalue("data_dir") if recipe.dataset != "digits" else None
    (rebuilt,) = train([recipe.replace(target_loss=committed[1])], data_dir=folder, mode="channels_last", fleet=1)

    assert 0 < rebuilt.record.epochs <= 3
    np.testing.assert_allclose(rebuilt.record.losses, committed[: rebuilt.record.epochs], rtol=EARLY)


def test_errors_under_shift_are_targets_of_the_committed_ledger() -> None:
    """Fifteen corruptions at severity 3, the images as they are, and the mean; each is what the parts hold."""
    networks = check_ledger(read_networks(reference_folder("cifar10")).assign(**{"measure.none": 0.0}))
    names = [name for name in targets_in(networks) if name.startswith("error_under.")]

    assert len(names) == 17
    assert target_of(networks, "error_under.fog.3").tolist() == networks["observed.error_fog"].tolist()
    each = [networks[name] for name in names if name.endswith(".3")]
    assert target_of(networks, "error_under.mean").to_numpy() == pytest.approx(np.mean(each, axis=0))
    assert target_of(networks, "error_under.clean").between(0, 1).all()


def test_a_network_is_ranked_by_its_error_under_a_shift(
    home: Path, gapbench: Gapbench, tmp_path: Path, finished: Path
) -> None:
    """From a zoo that was observed to the ranking and the page; a target that it lacks is named beside those it has."""
    with open_store(Path(shutil.copytree(finished, tmp_path / "zoo"))) as store:
        for place, run_id in enumerate(store.runs()):
            errors = {"error_fog": place / 10, "error_snow": 0.5, "clean_error": 0.1}
            store.add_observations(run_id, {"error_under_shift": errors})
        write_part(store, home / "mine")
        write_scores(store, home / "mine")
    for source in (tmp_path / "zoo", "reference:mine"):
        ranked = gapbench("rank", source, "--target", "error_under.fog.3", "--bootstrap", 0, "--all-runs", "--json")
        assert ranked.exit_code == 0, ranked.output
        assert json.loads(ranked.stdout)["target"] == "error_under.fog.3"
    wanted = ("--target", "error_under.mean", "--all-runs", "-o", tmp_path / "page.html")
    assert gapbench("page", "reference:mine", *wanted).exit_code == 0
    assert "predict the mean test error under the shifts?" in (tmp_path / "page.html").read_text()
    lacking = gapbench("page", "reference:mine", "--target", "error_under.frost.3", "-o", tmp_path / "page.html")
    assert lacking.exit_code == 2
    assert "no column error_under.frost.3. Did you mean: error_under." in lacking.stderr
