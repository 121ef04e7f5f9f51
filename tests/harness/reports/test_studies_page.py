"""Each study from training to claims on two of its networks, and the page of all studies."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.pipeline.plan import plan_of
from harness.pipeline.steps import observe_missing, score_missing, train_missing
from harness.reports.rank_and_write import write_results
from harness.reports.studies_page import main, told
from harness.store.store import Store
from harness.store.to_ledger import evidence_of
from leaderboard.claims import claims_of, judge
from zoo.recipe import SOLVED, Recipe
from zoo.suites.registry import suite, suites

STUDIES = sorted(name for name in suites() if claims_of(name))
SOME = ("param_norm", "params")


def shortened(recipe: Recipe) -> Recipe:
    """The same with two epochs of few examples, and what it builds on likewise."""
    if recipe.model in SOLVED:
        return recipe.replace(train_size=64)
    source = None if recipe.source is None else shortened(recipe.source)
    short = recipe.replace(source=source, max_epochs=2, train_size=64, batch_size=16, width=min(recipe.width, 1.0))
    return short.replace(pretrain_epochs=1) if short.pretrain_copies else short


def run(name: str, folder: Path, networks: int = 2) -> Store:
    """The store of the last networks of a study, trained briefly, observed and scored."""
    study = suite(name)
    recipes = tuple(dict.fromkeys(shortened(recipe) for recipe in study.recipes()))
    plan = plan_of(
        suite=name, out=folder, device="cpu", fleet="1", executor="local", workers=1, limit=1, dataset=None,
        data_dir=None, measures=",".join(SOME), plugin=None,
    )  # fmt: skip
    plan = replace(plan, recipes=recipes[-networks:])
    store = Store(plan.out)
    console = Console(file=io.StringIO())
    assert [step(plan, store, console) for step in (train_missing, observe_missing, score_missing)] == [0, 0, 0]
    return store


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_runs_from_end_to_end(name: str, tmp_path: Path) -> None:
    """Two networks are observed, and every claim is judged."""
    with run(name, tmp_path) as store:
        observed = store.observations()
        claims = judge(claims_of(name), evidence_of(store))

    assert len(observed) == (2 if suite(name).study.observations else 0)
    assert [claim["name"] for claim in claims] == [claim.name for claim in claims_of(name)]
    assert {claim["verdict"] for claim in claims} <= {"reproduced", "not reproduced", "undecided"}


def test_the_page_tells_what_was_found(tmp_path: Path) -> None:
    """A section a study that was run, its picture beside it, and each claim with its verdict; others are left out."""
    runs, page = tmp_path / "runs", tmp_path / "docs" / "studies.md"
    page.parent.mkdir()
    with run("expressivity", runs / "expressivity") as store:
        written = write_results(store, "expressivity")
    assert json.loads((runs / "expressivity" / "claims.json").read_text()) == written["claims"]
    main([str(runs), "-o", str(page)])
    text = page.read_text()

    assert text.count("\n## ") == 1
    assert all(claim.statement in text for claim in claims_of("expressivity"))
    assert "![expressivity](studies/expressivity.svg)" in text
    assert (page.parent / "studies" / "expressivity.svg").read_text().startswith("<svg")
    assert told(suite("jiang"), runs / "jiang") is None
    assert "| [expressivity](#expressivity) | 2 |" in text
    assert "Not run: bad_minima, " in text


def test_the_names_of_the_studies_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """For the Makefile."""
    main(["--names", "runs"])
    assert capsys.readouterr().out.split() == STUDIES
