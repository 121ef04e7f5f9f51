"""The command that writes the findings: pages and pictures from ledgers on disk."""

from pathlib import Path

import numpy as np
import pytest

from harness.reports.findings import main, name_of
from tests.leaderboard.reports import zoo


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two files of a planted zoo, with ten measures."""
    files = []
    for seed, name in enumerate(("cifar10", "digits")):
        ledger, rng = zoo(), np.random.default_rng(seed)
        for place in range(10):
            ledger[f"measure.m{place}"] = place * ledger["gap"] + rng.normal(0, 0.1, len(ledger))
        files.append(tmp_path_factory.mktemp("ledgers") / f"{name}.csv")
        ledger.to_csv(files[-1], index=False)
    return files[0], files[1]


def test_a_page_with_its_pictures(ledgers: tuple[Path, Path], tmp_path: Path) -> None:
    """Every picture that the page shows lies beside it; the command that made it stands in it."""
    output = tmp_path / "docs.md"
    main([str(ledgers[0]), str(ledgers[1]), "--bootstrap", "50", "--splits", "0", "-o", str(output)])
    text = output.read_text()

    assert "`python -m harness.reports.findings cifar10.csv digits.csv`" in " ".join(text.split())  # no folder of ours
    assert "## Does digits rank the measures as cifar10 does?" in text
    shown = {line.partition("](")[2].rstrip(")") for line in text.splitlines() if line.startswith("![")}
    assert shown == {"docs/families.svg", "docs/digits.svg"}
    assert all((tmp_path / picture).is_file() for picture in shown)


def test_what_cannot_be_ranked_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And exit status 2."""
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "nothing")])
    assert "there is neither" in capsys.readouterr().err


def test_names_of_sources(tmp_path: Path) -> None:
    """A reference ledger without its prefix, a zoo by its directory, a file without its suffix."""
    (tmp_path / "my.zoo").mkdir()
    (tmp_path / "my.zoo" / "ledger.sqlite").touch()
    assert name_of(Path("reference:cifar10")) == "cifar10"
    assert name_of(tmp_path / "my.zoo") == "my.zoo"
    assert name_of(Path("table.csv")) == "table"
