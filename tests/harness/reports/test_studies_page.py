"""Each study from training to claims on two of its networks, and the page of all studies."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from harness.pipeline.plan import make_plan
from harness.pipeline.run_options import RunOptions
from harness.pipeline.steps import observe_missing, score_missing, train_missing
from harness.reports.studies.record import StudyRecordError, read_study
from harness.reports.studies_page import main, page
from harness.reports.write_results import write_results
from harness.store.store import Store
from harness.store.to_ledger import evidence_of, hyperparameters_of
from leaderboard.claims import Evidence, claims_of, judge
from zoo.recipe import Recipe
from zoo.recipe_fields import SOLVED
from zoo.suites.registry import suite, suites
from zoo.suites.study import SizeName

STUDIES = sorted(name for name in suites() if claims_of(name))
SOME = ("param_norm", "params")
MANY = 300  # networks of a grid that is larger
DOCS = Path(__file__).parents[3] / "docs"
SWITCHES = ("observed.confused_train",)  # zero is a condition


def shortened(recipe: Recipe) -> Recipe:
    """Shorten a recipe, and those it builds on, to two epochs of few examples."""
    if recipe.model in SOLVED:
        return recipe.replace(train_size=64)
    source = None if recipe.source is None else shortened(recipe.source)
    few: dict[str, Any] = {
        "max_epochs": 2,
        "train_size": 64,
        "batch_size": 16,
        "noise_batch": min(recipe.noise_batch, 4),
    }
    few |= {"rewind_epoch": min(recipe.rewind_epoch, 1), "imbalance": min(recipe.imbalance, 4.0)}
    short = recipe.replace(source=source, width=min(recipe.width, 1.0), **few)
    return short.replace(pretrain_epochs=1) if short.pretrain_copies else short


def run(name: str, folder: Path, networks: int = 2) -> Store:
    """The store of the last networks of a study, trained briefly, observed and scored."""
    study = suite(name)
    recipes = tuple(dict.fromkeys(shortened(recipe) for recipe in study.recipes()))
    options = RunOptions(suite=name, out=folder, device="cpu", fleet=1, limit=1, measures=",".join(SOME))
    plan = replace(make_plan(options), recipes=recipes[-networks:])
    store = Store(plan.folder)
    console = Console(file=io.StringIO())
    assert [step(plan, store, console) for step in (train_missing, observe_missing, score_missing)] == [0, 0, 0]
    return store


def whole(name: str, size: SizeName, two: Evidence) -> Evidence:
    """Every network of a size of a study with made-up results, in the columns that its two trained networks have."""
    draw = np.random.default_rng(0)
    study = suite(name)
    rows: list[dict[str, Any]] = []
    seen = [str(name) for name in two.ledger if str(name).startswith("observed.")]
    for recipe in study.recipes(size)[:MANY]:
        row = dict(two.ledger.iloc[-1])
        row |= {column: draw.choice([0.0, 0.5]) if column in SWITCHES else draw.random() for column in seen}
        row |= {f"measure.{measure}": draw.random() for measure in study.study.measures or ()}
        row |= {"train_accuracy": 1 - draw.random() / 4, "test_accuracy": draw.random(), "converged": True}
        row |= {"stopped": "target", "seed": recipe.seed, "init_seed": recipe.initial_seed, "gap": draw.random()}
        row |= {"data_seed": recipe.data.seed, "train_part": recipe.train_part, "run_id": recipe.run_id}
        row |= hyperparameters_of(recipe)
        if recipe.source is not None:
            row |= {"observed.source_noise": recipe.source.noise_scale}
            row |= {"observed.source_is_clipped": float(recipe.source.clip_norm is not None)}
        if "observed.shared_epochs" in seen:
            row |= {"observed.shared_epochs": 0.0 if recipe.source is None else float(recipe.source.max_epochs)}
        rows.append(row)
    ledger = pd.DataFrame(rows)
    runs = ledger["run_id"]
    images = {array: len(next(iter(of.values()))) for array, of in two.arrays.items()}
    arrays = {array: {run: draw.integers(0, 3, size).tolist() for run in runs} for array, size in images.items()}
    points = two.curves.tail(3).to_dict("records")
    clean = ledger["hp.corruption"] == "true_labels"
    curves = [
        {**point, "run_id": run, "test_accuracy": draw.uniform(0.5 * better, 0.5 * (1 + better))}
        for run, better in zip(runs, clean, strict=True)
        for point in points
    ]
    return Evidence(ledger, pd.DataFrame(curves, columns=two.curves.columns), arrays)


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs_from_end_to_end(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two networks are trained and observed; with those of any size every claim has its estimate and interval."""
    monkeypatch.setattr("leaderboard.claims.claim.DRAWS", 40)
    with run(name, tmp_path) as store:
        observed = store.observations()
        two = evidence_of(store)

    assert len(observed) == (2 if suite(name).study.observations else 0)
    for size in suite(name).sizes:
        claims = judge(claims_of(name), whole(name, size, two))
        assert {claim.name: claim.why for claim in claims if None in {claim.effect, claim.low, claim.high}} == {}


def test_the_page_shows_what_was_found(tmp_path: Path) -> None:
    """A section for each study that was run, with its figure and each claim with its verdict; others are left out."""
    runs, path = tmp_path / "runs", tmp_path / "docs" / "studies.md"
    path.parent.mkdir()
    with run("expressivity", runs / "expressivity") as store:
        written = write_results(store, claims_of("expressivity"))
    assert json.loads((runs / "expressivity" / "claims.json").read_text()) == written.to_json()["claims"]
    main([str(runs), "-o", str(path)])
    text = path.read_text()

    assert text.count("\n## ") == 2  # the study and the source papers
    assert all(claim.statement in text for claim in claims_of("expressivity"))
    assert "![expressivity](studies/expressivity.svg)" in text
    assert (path.parent / "studies" / "expressivity.svg").read_text().count("</svg>") == 1
    assert read_study(runs / "jiang") is None
    assert "| [expressivity](#expressivity) | 2 |" in text
    assert "Not run: bad_minima, " in text

    path.unlink()
    main(["-o", str(path)])
    assert path.read_text() == text  # from the results that were kept


def test_the_page_is_current() -> None:
    """docs/studies.md is what the command writes from the results in docs/studies and the table of source papers."""
    text = (DOCS / "studies.md").read_text(encoding="utf-8")
    assert text == page(DOCS / "studies"), "run python -m harness.reports.studies_page --html"


def test_the_html_page_is_current() -> None:
    """As the other."""
    text = (DOCS / "studies.html").read_text(encoding="utf-8")
    assert text == page(DOCS / "studies", html=True), "run python -m harness.reports.studies_page --html"


def test_networks_of_other_recipes_are_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Claims of this staging are not tested on an earlier one; the other studies of the folder are."""
    for name in ("expressivity", "simplicity"):  # the recipes of the latter are shortened
        with run(name, tmp_path / "runs" / name) as store:
            write_results(store, claims_of(name))
    main([str(tmp_path / "runs"), "-o", str(tmp_path / "studies.md")])

    assert "holds 2 networks of other recipes than simplicity has now" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "studies").glob("*.json")] == ["expressivity.json"]
    assert "Small size: 2 of 72 networks; " in (tmp_path / "studies.md").read_text()


def test_a_folder_without_studies_and_a_broken_record_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence that names the folder or the file, and no page."""
    output = tmp_path / "studies.md"
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), "-o", str(output)])
    assert f"{tmp_path} holds no zoo of a study as it is staged now" in capsys.readouterr().err

    (tmp_path / "studies" / "jiang.json").write_text("<<<<<<< HEAD")
    with pytest.raises(SystemExit, match="2"):
        main(["-o", str(output)])
    assert f"{tmp_path / 'studies' / 'jiang.json'} does not hold" in capsys.readouterr().err
    with pytest.raises(StudyRecordError):
        page(tmp_path / "studies")
    assert not output.exists()


def test_the_names_of_the_studies_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """For the Makefile."""
    main(["--names", "runs"])
    assert capsys.readouterr().out.split() == STUDIES
