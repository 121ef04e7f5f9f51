"""gapbench rank and page with --beside: both zoos ranked alike, in every form, and never a zoo beside itself."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from harness.reports.ranking import RankOptions, rank_source
from harness.store.store import Store
from leaderboard.ledger.read import read_ledger
from leaderboard.ranking.rank import rank
from leaderboard.views.held_out import beside
from measures.registry import catalog
from tests.harness.conftest import Gapbench


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two files of 32 networks each."""
    files = []
    for seed, name in enumerate(("public.csv", "held_out.csv")):
        draw = np.random.default_rng(seed)
        table = pd.DataFrame(
            [[a, b, 0.1 * (a + b) + draw.normal(0, 0.02)] for a in range(4) for b in range(4) for _ in range(2)],
            columns=["hp.a", "hp.corruption", "gap"],
        )
        table["loss_gap"] = -table["gap"]
        table["measure.fro_dist"] = table["gap"] + draw.normal(0, 0.05, len(table))
        table["measure.mine"] = draw.normal(0, 1, len(table))
        files.append(tmp_path_factory.mktemp("ledgers") / name)
        table.to_csv(files[-1], index=False)
    return files[0], files[1]


def test_both_are_ranked_alike(ledgers: tuple[Path, Path], gapbench: Gapbench) -> None:
    """The JSON is the public ranking, with the comparison of the two that the same options make."""
    options = ("--target", "loss_gap", "--bootstrap", "50", "--within", "none")
    shown = json.loads(gapbench("rank", ledgers[0], "--beside", ledgers[1], *options, "--json").stdout)
    comparison = shown.pop("beside")
    known = {"fro_dist": {"expected_sign": 1}}  # the catalogue's; the other measure is unknown
    reports = [
        rank(read_ledger(file), target="loss_gap", bootstrap=50, within=None, metadata=known) for file in ledgers
    ]

    assert shown == json.loads(gapbench("rank", ledgers[0], *options, "--json").stdout)
    assert comparison["measures"].keys() == {"fro_dist", "mine"}
    whole = json.dumps(replace(reports[0], beside=beside(*reports)).to_json())
    assert comparison["measures"] == json.loads(whole)["beside"]["measures"]
    assert comparison["held_out"] == {"models": 32, "provenance": {"ledger": "held_out.csv"}}


def test_the_terminal_and_markdown(ledgers: tuple[Path, Path], gapbench: Gapbench) -> None:
    """The comparison instead of the ranking; --markdown alone is the ranking's."""
    words = ("rank", ledgers[0], "--bootstrap", "50")
    table = gapbench(*words, "--beside", ledgers[1]).stdout
    markdown = gapbench(*words, "--beside", ledgers[1], "--markdown").stdout

    assert "public verdict" in table
    assert "| held-out Psi |" in markdown
    assert markdown.count("`fro_dist`") == 1
    assert gapbench(*words, "--markdown").stdout.count("| 1 | `fro_dist` | ") == 1
    refused = gapbench(*words, "--markdown", "--json")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "in one form" in refused.stderr


def test_a_zoo_is_not_held_out_beside_itself(zoo: Path, gapbench: Gapbench, tmp_path: Path) -> None:
    """Nor beside one that shares its networks; nothing is written."""
    copy = Path(shutil.copytree(zoo, tmp_path / "copy"))
    page = (zoo / "leaderboard.html").read_bytes()
    for command in ("rank", "page"):
        result = gapbench(command, zoo, "--beside", copy)
        sentence = " ".join(result.stderr.split())
        assert result.exit_code == 2
        assert "must have no network in common" in sentence
        assert "share 4" in sentence
    assert (zoo / "leaderboard.html").read_bytes() == page


def test_what_is_no_zoo_is_refused(ledgers: tuple[Path, Path], gapbench: Gapbench, tmp_path: Path) -> None:
    """As the first argument is."""
    for other, words in ((tmp_path, "must be a zoo's directory"), (tmp_path / "no.csv", "there is neither")):
        result = gapbench("rank", ledgers[0], "--beside", other)
        assert (result.exit_code, result.stdout) == (2, "")
        assert words in " ".join(result.stderr.split())


def test_the_page_shows_it(zoo: Path, ledgers: tuple[Path, Path], gapbench: Gapbench) -> None:
    """Between the ranking and the plots; without --beside it is gone again."""
    page = zoo / "leaderboard.html"
    assert gapbench("page", zoo, "--beside", ledgers[1]).exit_code == 0
    with_section = page.read_text()
    assert gapbench("page", zoo).exit_code == 0

    assert with_section.index('id="ranking"') < with_section.index('<section id="held-out">')
    assert "scored on the public zoo only: " in with_section
    assert 'id="held-out"' not in page.read_text()


def test_a_version_is_that_of_the_scores(zoo: Path) -> None:
    """Not the catalogue's, which may be newer: numbers of two versions are not compared as one."""
    with Store(zoo) as store:
        said: dict[str, Any] = store.metadata()["fro_dist"]
        store.add_metadata({"fro_dist": {**said, "version": 7, "source_hash": "mine", "family": "long ago"}})
    report = rank_source(zoo, RankOptions(within=None, bootstrap=0), Console()).report

    about = report.measures["fro_dist"].about
    assert (about.version, about.source_hash, about.family) == (7, "mine", "distance")
    assert report.measures["param_norm"].about.version == catalog()["param_norm"].version
